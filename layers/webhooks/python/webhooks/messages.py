"""The queue message: its body is exactly what will be POSTed, everything else travels in attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any, Literal

from webhooks.deliveries import Delivery
from webhooks.delivery_places import log_place
from webhooks.models import Lane
from webhooks.times import now, parse_time, rfc3339

QueueName = Lane | Literal["dead_letters"]
"""A queue that a message can be on."""

_REQUIRED = ("webhook_id", "account_id", "event_id", "event", "accepted_at", "round", "round_started_at")
"""SQS takes ten attributes. With `test`, `not_before` and `takes_over` there are as many: what comes next must share one."""

MAX_DELAY_SECONDS = 900
"""SQS's own bound."""

COPY_DELAY_SECONDS = 10
"""
A message that may be a copy of one just sent comes so much later: the other's attempt is in the log then. The other may come
a second late, as SQS hides for whole seconds, and wait a second for its batch; its attempt takes 5 s, and the body of the
answer one more. The rest is for our own work.
"""


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
    not_before: str | None = None
    """No attempt before this, whatever the log says; None for no such bound."""
    takes_over: str | None = None
    """The `Delivery.message_id` by which the log expects a message that takes the place of another; None for others."""
    id: str | None = None
    """Its id on the queue; None before it is sent."""
    queue: QueueName = "delivery"
    """The queue that it is on, or for."""
    delayed_until: datetime | None = None
    """Its moment at the webhook's pace (`webhooks.pace`): SQS shows it no sooner. It is not part of the message."""

    @classmethod
    def of(cls, delivery: Delivery, body: str, lane: Lane) -> DeliveryMessage:
        """The message that begins the delivery's round."""
        return cls(
            webhook_id=delivery.webhook_id,
            account_id=delivery.account_id,
            event_id=delivery.event_id,
            event=delivery.event,
            accepted_at=delivery.accepted_at,
            round=delivery.round,
            round_started_at=delivery.round_started_at,
            body=body,
            test=delivery.test,
            queue=lane,
        )

    def key(self) -> tuple[str, str]:
        """What a delivery is known by: (webhook, event), the event by when it was accepted and its id."""
        return self.webhook_id, log_place(self.accepted_at, self.event_id)

    def successor_id(self) -> str:
        """Returns the id under which the log knows the message that takes the place of this one."""
        return f"{self.id}.retry"

    def successor(self, takes_over: str | None, due: datetime | None) -> DeliveryMessage:
        """The message that takes the place of this one on the retry queue, not to be attempted before it is `due`."""
        not_before = rfc3339(due) if due else None
        return replace(self, queue="retry", id=None, takes_over=takes_over, not_before=not_before)

    def dead_letter(self, takes_over: str | None) -> DeliveryMessage:
        """The message that takes the place of this one on the dead-letter queue."""
        return replace(self.successor(takes_over, None), queue="dead_letters")

    def to_request(self, delay_seconds: int = 0) -> dict[str, Any]:
        """
        For SendMessage, delayed by so many seconds, or until `not_before` and `delayed_until` as far as SQS delays.

        Fair queues keep message groups out of each other's way: accounts on the delivery queue; webhooks on the other
        queues, so that one dead webhook does not make its own account noisy.
        """
        until = [parse_time(self.not_before)] if self.not_before else []
        until += [self.delayed_until] if self.delayed_until else []
        if until:
            wait = (max(until) - now()).total_seconds()
            delay_seconds = min(max(ceil(wait), delay_seconds), MAX_DELAY_SECONDS)
        values = {name: str(getattr(self, name)) for name in _REQUIRED}
        if self.test:
            values["test"] = "1"
        if self.not_before:
            values["not_before"] = self.not_before
        if self.takes_over:
            values["takes_over"] = self.takes_over
        return {
            "MessageBody": self.body,
            "DelaySeconds": delay_seconds,
            "MessageGroupId": self.account_id if self.queue == "delivery" else self.webhook_id,
            "MessageAttributes": {n: {"DataType": "String", "StringValue": v} for n, v in values.items()},
        }


def from_record(record: dict[str, Any], lane: Lane) -> DeliveryMessage:
    """Reads a record of an SQS event of the lane's queue. Raises KeyError or ValueError for what is no such message."""
    attributes = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    values = {name: attributes[name] for name in _REQUIRED} | {"round": int(attributes["round"])}
    test = attributes.get("test") == "1"
    return DeliveryMessage(
        **values,
        body=record["body"],
        test=test,
        not_before=attributes.get("not_before"),
        takes_over=attributes.get("takes_over"),
        id=record["messageId"],
        queue=lane,
    )
