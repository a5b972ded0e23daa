"""A webhook and its messages, handed to deliver and the dead-letters function as Lambda would hand them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Any

from tests.integration.conftest import Aws
from webhooks.config_table import ConfigTable
from webhooks.deliveries import Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.items import webhook_item
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.signing import new_secret
from webhooks.times import now, rfc3339


def put_items(aws: Aws, items: list[dict[str, Any]]) -> None:
    """Into the log table. One by one, a thousand take seconds."""
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        aws.dynamodb.batch_write_item(RequestItems={aws.log_table: puts})


def ago(seconds: float) -> str:
    return rfc3339(now() - timedelta(seconds=seconds))


@dataclass
class Pipeline:
    aws: Aws

    def __post_init__(self) -> None:
        self.log = DeliveryLog(self.aws.dynamodb, self.aws.log_table, log_days=30)
        self.config = ConfigTable(self.aws.dynamodb, self.aws.config_table)

    def webhook(self, url: str, id: str = "wh_1", **values: Any) -> Webhook:
        at = ago(60)
        webhook = Webhook(
            id=id, account_id="acme", name="hook", url=url, events=["message.incoming"], status="active",
            secret=new_secret(), created_at=at, updated_at=at,
        )  # fmt: skip
        webhook = replace(webhook, **values)
        self.aws.dynamodb.put_item(TableName=self.aws.config_table, Item=webhook_item(webhook))
        return webhook

    def stored(self, webhook_id: str = "wh_1") -> Webhook:
        return self.config.webhook("acme", webhook_id)

    def message(self, webhook_id: str = "wh_1", event_id: str = "evt_1", **values: Any) -> DeliveryMessage:
        """On the retry queue, where all attempts of a delivery can be made, unless a lane is given."""
        at = "2026-05-29T10:30:00.000Z"
        message = DeliveryMessage(
            webhook_id=webhook_id, account_id="acme", event_id=event_id, event="message.incoming", accepted_at=at,
            round=1, round_started_at=ago(1), body='{"event":"message.incoming"}', queue="retry",
        )  # fmt: skip
        return replace(message, **values)

    def logged(self, message: DeliveryMessage, **values: Any) -> Delivery:
        """Puts the delivery into the log as it is given; by default one that has just begun."""
        delivery = Delivery(
            webhook_id=message.webhook_id, account_id="acme", event_id=message.event_id, event=message.event,
            accepted_at=message.accepted_at, status="pending", round=1, round_started_at=message.round_started_at,
        )  # fmt: skip
        saved = self.log.save(replace(delivery, **values))
        assert saved is not None
        return saved

    def delivery(self, message: DeliveryMessage) -> Delivery | None:
        return self.log.delivery(message.webhook_id, message.accepted_at, message.event_id)

    def receive(self, *messages: DeliveryMessage) -> list[dict[str, Any]]:
        """Sends them through their queues; the records of what is on either queue then."""
        queues = {"delivery": self.aws.delivery_queue, "retry": self.aws.retry_queue}
        for message in messages:
            self.aws.sqs.send_message(QueueUrl=queues[message.queue], **message.to_request())
        return [record_of(received, queue) for queue in queues.values() for received in self.aws.messages(queue)]

    def deliver(self, *messages: DeliveryMessage) -> list[bool]:
        """For each message whether it stays on the queue."""
        from deliver.handler import lambda_handler

        stays: list[bool] = []
        for _, batch in groupby(self.receive(*messages), key=lambda record: record["eventSourceARN"]):
            records = list(batch)
            stays += kept(records, lambda_handler({"Records": records}, None))
        return stays

    def deliver_queued(self, count: int) -> list[bool]:
        """So many messages of the delivery queue, at least, those that are delayed too."""
        stays: list[bool] = []
        while len(stays) < count:
            self.aws.await_message(self.aws.delivery_queue)
            stays += self.deliver()
        return stays

    def process_dead_letters(self, *messages: DeliveryMessage) -> list[bool]:
        """For each message whether it stays on the dead-letter queue."""
        from deliver.dead_letters import lambda_handler

        records = self.receive(*messages)
        return kept(records, lambda_handler({"Records": records}, None))

    def operational_events(self) -> list[tuple[str, dict[str, Any]]]:
        """The operational events emitted so far, in no order, each once."""
        events = [json.loads(message["Body"]) for message in self.aws.messages(self.aws.operational_events_queue)]
        return [(event["detail-type"], event["detail"]) for event in events]


def failures(count: int, round: int = 1, first_ago: float = 400) -> list[Attempt]:
    return [
        Attempt(number, round, ago(first_ago - number), 20, status_code=500, error="answered 500, expected 200")
        for number in range(1, count + 1)
    ]


def kept(records: list[dict[str, Any]], answer: dict[str, Any]) -> list[bool]:
    stays = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    return [record["messageId"] in stays for record in records]


def record_of(received: dict[str, Any], queue_url: str = "delivery") -> dict[str, Any]:
    """A message as boto3 receives it, as the event source mapping hands it over."""
    attributes = received.get("MessageAttributes", {})
    return {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": received.get("Attributes", {}),
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue_url.rpartition('/')[2]}",
    }
