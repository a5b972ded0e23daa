"""Reads an event off the bus by the contract of `PutEvents`: what is not to the letter is rejected with its reason."""

from __future__ import annotations

import json
from typing import Any

from webhooks.errors import EventRejected
from webhooks.event_types import validate_data
from webhooks.log_table import StoredEvent
from webhooks.payload import build_body, check_id, normalise_timestamp

_MAX_REJECTION = 1_000_000
"""Below SQS's 1 MiB."""


def accept(event: dict[str, Any], accepted_at: str) -> StoredEvent:
    """
    The event with the body that will be POSTed. Its id is the producer's or, without one, the bus's.

    Raises EventRejected.
    """
    detail = event["detail"]
    if not isinstance(detail, dict):
        raise EventRejected("detail", "is not an object; expected account_id and data")
    account_id = check_id("account_id", detail.get("account_id"))
    event_id = check_id("id", detail["id"] if detail.get("id") is not None else event["id"])
    timestamp = normalise_timestamp(detail["timestamp"] if detail.get("timestamp") is not None else event["time"])
    name = event["detail-type"]
    validate_data(name, detail.get("data"))
    return StoredEvent(
        account_id=account_id,
        event_id=event_id,
        event=name,
        body=build_body(name, timestamp, detail["data"]),
        accepted_at=accepted_at,
    )


def rejection(event: dict[str, Any], refused: EventRejected) -> str:
    """The message for the rejected-events queue: the reason and the whole event, cut only where SQS could not hold it."""
    reason = {"field": refused.field, "detail": refused.detail}
    text = json.dumps({"reason": reason, "event": event})
    if len(text) > _MAX_REJECTION:
        cut = json.dumps(event)[: _MAX_REJECTION // 2]
        text = json.dumps({"reason": reason, "event_cut": cut})
    return text
