"""Reads what comes from the bus, by the contract in docs/publishing.md: one event, or a batch."""

from __future__ import annotations

import json
from typing import Any

from webhooks.errors import EventRejected
from webhooks.event_types import BATCH, validate_data
from webhooks.payload import build_body, check_id, is_id, normalise_timestamp
from webhooks.stored_events import StoredEvent

_MAX_REJECTION = 1_000_000
"""Below SQS's 1 MiB."""

MAX_EVENTS = 500
"""As many events of 130 bytes fit the 64 KB that EventBridge bills as one. `infra/fanout.py` gives fanout time for them."""


def split(bus_event: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Each event of a batch as the bus would hand it over alone, with the batch's id and its position as its id.

    Raises EventRejected for a batch that is no list of 1 to 500 events.
    """
    if bus_event["detail-type"] != BATCH:
        return [bus_event]
    events = _fields(bus_event).get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
        raise EventRejected("events", f"must be a list of 1 to {MAX_EVENTS} events")
    return [_alone(bus_event, position, one) for position, one in enumerate(events)]


def _alone(batch: dict[str, Any], position: int, event: Any) -> dict[str, Any]:
    name, detail = None, event
    if isinstance(event, dict):
        name, detail = event.get("event"), {key: value for key, value in event.items() if key != "event"}
    return batch | {"id": f"{batch['id']}-{position}", "detail-type": name, "detail": detail}


def accept(bus_event: dict[str, Any], accepted_at: str) -> StoredEvent:
    """
    The event with the body that will be POSTed. Its id is the producer's or, without one, the bus's.

    Raises EventRejected.
    """
    detail = bus_event["detail"]
    if not isinstance(detail, dict):
        raise EventRejected("detail", "is not an object; expected account_id and data")
    account_id = check_id("account_id", detail.get("account_id"))
    event_id = check_id("id", detail["id"] if detail.get("id") is not None else bus_event["id"])
    timestamp = normalise_timestamp(detail["timestamp"] if detail.get("timestamp") is not None else bus_event["time"])
    name = bus_event["detail-type"]
    validate_data(name, detail.get("data"))
    return StoredEvent(
        account_id=account_id,
        event_id=event_id,
        event=name,
        body=build_body(name, timestamp, detail["data"]),
        accepted_at=accepted_at,
    )


def id_of(bus_event: dict[str, Any]) -> str:
    """Returns the id of an event that may violate the contract: the producer's if it is one, or the bus's."""
    id = _fields(bus_event).get("id")
    return id if is_id(id) else str(bus_event["id"])


def rejection(bus_event: dict[str, Any], refused: EventRejected) -> str:
    """
    The message for the rejected-events queue: the reason and the whole event, cut only where SQS could not hold it, and
    without its data where that is nested too deeply to be written.
    """
    reason = {"field": refused.field, "detail": refused.detail}
    try:
        text = json.dumps({"reason": reason, "event": bus_event})
    except RecursionError:
        return json.dumps({"reason": reason, "event": _without_data(bus_event)})
    if len(text) > _MAX_REJECTION:
        cut = json.dumps(bus_event)[: _MAX_REJECTION // 2]
        text = json.dumps({"reason": reason, "event_cut": cut})
    return text


def _without_data(bus_event: dict[str, Any]) -> dict[str, Any]:
    """What identifies the event: the texts of its envelope and of its detail."""
    texts = {name: value for name, value in _fields(bus_event).items() if isinstance(value, str)}
    return {name: value for name, value in bus_event.items() if isinstance(value, str)} | {"detail": texts}


def _fields(bus_event: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of the detail, none if it is not an object."""
    return bus_event["detail"] if isinstance(bus_event["detail"], dict) else {}
