"""Events from the bus, one or a batch, become one queue message for each webhook that wants one of them."""

from __future__ import annotations

import os
from typing import Any

from fanout.batch import fan_out, side_by_side
from fanout.incoming import accept, id_of, rejection, split
from webhooks.clients import client
from webhooks.errors import EventRejected
from webhooks.stored_events import StoredEvent
from webhooks.telemetry import count, flush, logger
from webhooks.times import now, rfc3339

Rejected = tuple[dict[str, Any], EventRejected]
"""An event as the bus would hand it over alone, and what is wrong with it."""


def lambda_handler(bus_event: dict[str, Any], context: object) -> None:
    """Raises whatever failed on our side: Lambda repeats the whole, and its on-failure destination keeps it."""
    try:
        accepted, rejected = _read(bus_event)
        fan_out(accepted)
        # Last: if anything fails before, the repeat comes here again.
        _, failed = side_by_side(_reject, rejected)
        if failed:
            raise failed[0]
    finally:
        flush()


def _read(bus_event: dict[str, Any]) -> tuple[list[StoredEvent], list[Rejected]]:
    accepted: list[StoredEvent] = []
    rejected: list[Rejected] = []
    accepted_at = rfc3339(now())
    try:
        events = split(bus_event)
    except EventRejected as refused:
        return [], [(bus_event, refused)]
    for event in events:
        try:
            accepted.append(accept(event, accepted_at))
        except EventRejected as refused:
            rejected.append((event, refused))
    return accepted, rejected


def _reject(rejected: Rejected) -> None:
    """Keeps the event with its reason, for the producer to correct and publish again. It is never retried."""
    event, refused = rejected
    logger.warning("event.rejected", event_id=id_of(event), field=refused.field, reason=refused.detail)
    client("sqs").send_message(QueueUrl=os.environ["REJECTED_QUEUE_URL"], MessageBody=rejection(event, refused))
    count("Rejected")


# Made while the process starts, when Lambda gives it a whole CPU: the first event would wait three times as long for them.
client("dynamodb")
client("sqs")
