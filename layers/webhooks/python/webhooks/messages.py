"""The queue message: its body is exactly what will be POSTed, everything else travels in attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_REQUIRED = ("webhook_id", "account_id", "event_id", "event", "accepted_at", "round", "round_started_at")
_BATCH = 10
COPY_DELAY_SECONDS = 6
"""A message that may be a copy of one just sent comes so much later: the other's attempt, 5 s at most, is over then."""


@dataclass(frozen=True, slots=True)
class DeliveryMessage:
    """One event for one webhook, in one round of attempts. Times are RFC 3339 UTC."""

    webhook_id: str
    account_id: str
    event_id: str
    event: str
    accepted_at: str
    round: int
    round_started_at: str
    body: str
    test: bool = False
    id: str | None = None
    """Its own on the queue; None before it is sent."""

    def key(self) -> tuple[str, str]:
        """What a delivery is known by: (webhook, event), the event by when it was accepted and its id."""
        return self.webhook_id, f"{self.accepted_at}#{self.event_id}"

    def to_request(self, delay_seconds: int = 0) -> dict[str, Any]:
        """For SendMessage. The account is the message group: fair queues keep tenants out of each other's way."""
        values = {name: str(getattr(self, name)) for name in _REQUIRED}
        if self.test:
            values["test"] = "1"
        return {
            "MessageBody": self.body,
            "DelaySeconds": delay_seconds,
            "MessageGroupId": self.account_id,
            "MessageAttributes": {n: {"DataType": "String", "StringValue": v} for n, v in values.items()},
        }


def from_record(record: dict[str, Any]) -> DeliveryMessage:
    """Reads a record of an SQS event. Raises KeyError or ValueError for a message that is not one of ours."""
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    values = {name: attributes[name] for name in _REQUIRED} | {"round": int(attributes["round"])}
    test = attributes.get("test") == "1"
    return DeliveryMessage(**values, body=record["body"], test=test, id=record["messageId"])


def send(
    sqs: SQSClient, queue_url: str, messages: Sequence[DeliveryMessage], *, delay_seconds: int = 0
) -> list[DeliveryMessage]:
    """Sends in batches of ten; entries that SQS refuses are sent once more. Returns the messages still not sent."""
    unsent: list[DeliveryMessage] = []
    for start in range(0, len(messages), _BATCH):
        left = list(messages[start : start + _BATCH])
        for _ in range(2):
            left = _send_batch(sqs, queue_url, left, delay_seconds)
            if not left:
                break
        unsent += left
    return unsent


def _send_batch(
    sqs: SQSClient, queue_url: str, messages: list[DeliveryMessage], delay_seconds: int
) -> list[DeliveryMessage]:
    entries: list[Any] = [{"Id": str(i)} | message.to_request(delay_seconds) for i, message in enumerate(messages)]
    answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
    return [messages[int(failed["Id"])] for failed in answer.get("Failed", [])]
