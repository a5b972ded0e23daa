"""Checks published events, and puts them onto the bus in as few entries as they fit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from api.event_schemas import EventIn
from api.problems import Problem
from api.validation import MAX_ERRORS
from webhooks.clients import client
from webhooks.errors import Conflict, EventRejected, NotSent
from webhooks.event_types import BATCH, SOURCE, validate_data
from webhooks.models import new_id
from webhooks.payload import build_body, check_id, normalise_timestamp
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339

logger = Logger(use_rfc3339=True)
_ENTRY_BYTES = 63 * 1024
"""EventBridge bills each 64 KB of an entry as an event; its envelope counts, too."""

_REQUEST_BYTES, _REQUEST_ENTRIES = 255 * 1024, 10
"""EventBridge takes 1 MB by now, but its guide still says 256 KB in some places."""


def checked(event: EventIn) -> dict[str, Any]:
    """The event as an element of a batch on the bus. Raises EventRejected for what fanout could only reject later."""
    event_id = new_id("evt") if event.id is None else check_id("id", event.id)
    timestamp = normalise_timestamp(event.timestamp if event.timestamp is not None else rfc3339(now()))
    validate_data(event.event, event.data)
    build_body(event.event, timestamp, event.data)
    given = {"account_id": event.account_id, "event": event.event, "data": event.data}
    return given | {"id": event_id, "timestamp": timestamp}


def checked_all(events: Sequence[EventIn]) -> list[dict[str, Any]]:
    """Raises Problem 422 that names every field that is wrong, such as `events[3].data.message_id`."""
    valid: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for place, event in enumerate(events):
        try:
            valid.append(checked(event))
        except EventRejected as refused:
            errors.append({"field": f"events[{place}].{refused.field}", "detail": refused.detail})
    if errors:
        detail = "; ".join(f"{error['field']}: {error['detail']}" for error in errors[:3])
        raise Problem(422, f"no event was accepted. {detail}", errors=errors[:MAX_ERRORS])
    return valid


def refuse_other_data(event: dict[str, Any], stored: StoredEvent | None) -> None:
    """Raises Conflict if the event's id is that of another one: what was stored first is sent, so nobody would get this."""
    if stored and (stored.event, json.loads(stored.body)["data"]) != (event["event"], _as_sent(event["data"])):
        raise Conflict(f"an event with the id {stored.event_id} and other data was published before; use another id")


def _as_sent(data: dict[str, Any]) -> Any:
    return json.loads(json.dumps(data))


def publish(event: dict[str, Any]) -> None:
    """Puts one checked event onto the bus. Raises NotSent."""
    detail = {name: value for name, value in event.items() if name != "event"}
    if _put([_entry(event["event"], json.dumps(detail))]):
        raise NotSent("the event was not accepted; publish it again")


def publish_all(events: Sequence[dict[str, Any]]) -> None:
    """Puts checked events onto the bus, in their order. Raises NotSent if an entry is refused twice."""
    for request in _requests([_entry(BATCH, detail) for detail in packed(events)]):
        left = _put(request)
        if left and _put(left):
            raise NotSent("not all events were accepted; publish them again, with the same ids")


def packed(events: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The details of as few entries as the events fit in their order; one that is too large has an entry of its own."""
    texts: list[str] = []
    size = 0
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        length = len(text.encode()) + 1
        if texts and size + length > _ENTRY_BYTES:
            yield _detail(texts)
            texts, size = [], 0
        texts.append(text)
        size += length
    yield _detail(texts)


def _detail(texts: Sequence[str]) -> str:
    return f'{{"events":[{",".join(texts)}]}}'


def _entry(detail_type: str, detail: str) -> dict[str, Any]:
    return {
        "Source": SOURCE,
        "DetailType": detail_type,
        "Detail": detail,
        "EventBusName": os.environ["EVENT_BUS_NAME"],
    }


def _requests(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    request: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(entry["Detail"].encode())
        if request and (size + length > _REQUEST_BYTES or len(request) == _REQUEST_ENTRIES):
            yield request
            request, size = [], 0
        request.append(entry)
        size += length
    yield request


def _put(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the entries that were refused; all of them if the call failed."""
    try:
        answer = client("events").put_events(Entries=entries)  # type: ignore[arg-type]
    except (BotoCoreError, ClientError):
        logger.exception("events.not_put")
        return entries
    return [entry for entry, put in zip(entries, answer["Entries"], strict=True) if "ErrorCode" in put]
