"""Batches of deliveries, as the event source mapping hands them to deliver's handler."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import boto3

from deliver.handler import lambda_handler
from webhooks.event_types import EVENT_TYPES
from webhooks.messages import DeliveryMessage, QueueName
from webhooks.models import Lane, Webhook, new_id
from webhooks.payload import build_body
from webhooks.times import now, rfc3339

ACCOUNT = "acme"
BODY = build_body("message.incoming", "2026-05-29T10:30:00Z", EVENT_TYPES["message.incoming"].example)


def messages(webhooks: list[Webhook], lane: Lane = "delivery") -> list[DeliveryMessage]:
    """One event for each, all new."""
    at, event_id = rfc3339(now()), new_id("evt")
    return [
        DeliveryMessage(
            webhook_id=webhook.id, account_id=webhook.account_id, event_id=event_id, event="message.incoming",
            accepted_at=at, round=1, round_started_at=at, body=BODY, queue=lane,
        )
        for webhook in webhooks
    ]  # fmt: skip


def sqs_event(messages: list[DeliveryMessage], handles: list[str] | None = None) -> dict[str, Any]:
    """As the event source mapping of the messages' queue hands a batch over."""
    return {"Records": [_record(m, handles[i] if handles else "none") for i, m in enumerate(messages)]}


def received(messages: list[DeliveryMessage]) -> dict[str, Any]:
    """Through the real queue: only then can a message's visibility be changed."""
    sqs, queue = boto3.client("sqs"), queue_url(messages[0].queue)
    entries: Any = [{"Id": str(i)} | message.to_request() for i, message in enumerate(messages)]
    sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    handles: list[str] = []
    while len(handles) < len(messages):
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        handles += [message["ReceiptHandle"] for message in answer.get("Messages", [])]
    return sqs_event(messages, handles)


def handled(event: dict[str, Any]) -> Callable[[], object]:
    """Of first attempts: what fails moves to the retry queue, and nothing stays."""

    def run() -> None:
        answer = lambda_handler(event, None)
        assert not answer["batchItemFailures"], answer

    return run


def queue_url(name: QueueName) -> str:
    return os.environ[f"{name.upper()}_QUEUE_URL"]


def _record(message: DeliveryMessage, handle: str) -> dict[str, Any]:
    attributes = message.to_request()["MessageAttributes"].items()
    return {
        "messageId": new_id("m"),
        "receiptHandle": handle,
        "body": message.body,
        "attributes": {},
        "messageAttributes": {n: {"stringValue": v["StringValue"], "dataType": "String"} for n, v in attributes},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue_url(message.queue).rpartition('/')[2]}",
    }
