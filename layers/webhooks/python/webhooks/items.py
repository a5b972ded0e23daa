"""Webhooks, events and deliveries as DynamoDB items. Unknown attributes are ignored, so that a newer version can add some.

Events and deliveries are kept for weeks and paid for by the byte: they have no attribute that follows from their key or
another attribute. Items of versions that wrote those, too, are read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.deliveries import Attempt, Delivery, Outcome
from webhooks.delivery_places import accepted_event
from webhooks.item_keys import (
    delivery_key,
    event_ids,
    event_key,
    inbox_key,
    owner_id,
    webhook_key,
)
from webhooks.models import Webhook
from webhooks.retention import expires_at
from webhooks.stored_events import StoredEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value


def webhook_item(webhook: Webhook) -> dict[str, Value]:
    return webhook_key(webhook.account_id, webhook.id) | to_item(asdict(webhook))


def inbox_item(webhook: Webhook, token_sha256: str) -> dict[str, Value]:
    """The item of the webhook's test address."""
    return inbox_key(token_sha256) | to_item({"account_id": webhook.account_id, "webhook_id": webhook.id})


def webhook_of(item: dict[str, Any]) -> Webhook:
    values = from_item({name: item[name] for name in _WEBHOOK & item.keys()})
    return Webhook(**values)


def event_item(event: StoredEvent, log_days: int) -> dict[str, Value]:
    values = {"event": event.event, "body": event.body, "accepted_at": event.accepted_at, "webhooks": event.webhooks}
    extra = {"expires_at": expires_at(event.accepted_at, log_days)}
    return event_key(event.account_id, event.event_id) | to_item(values | extra)


def event_of(item: dict[str, Any]) -> StoredEvent:
    account_id, event_id = event_ids(item)
    values = from_item({name: item[name] for name in ("event", "body", "accepted_at", "webhooks") if name in item})
    return StoredEvent(account_id=account_id, event_id=event_id, **values)


def delivery_item(delivery: Delivery, log_days: int) -> dict[str, Value]:
    """
    The keys of two sparse indexes let recovery find what it can send again without reading what succeeded.
    `failed_webhook`, of the index `failed`, is there while the delivery is failed, or is being retried and may be stranded.
    `due` and `due_at`, of the index `due`, are there while it is pending: those of them that are stranded are the oldest.
    That costs two write units for each retry by hand, recovered delivery and test event.
    """
    pending = delivery.status == "pending"
    extra = {
        "due": delivery.webhook_id if pending else None,
        "due_at": delivery.pending_place() if pending else None,
        "expires_at": expires_at(delivery.accepted_at, log_days),
        "failed_webhook": delivery.webhook_id if delivery.status in ("failed", "retrying") else None,
    }
    key = delivery_key(delivery.webhook_id, delivery.sort_key())
    attempts = [_attempt_values(attempt) for attempt in delivery.attempts]
    # Not `asdict`, which copies everything: this is written at every attempt.
    values = {name: getattr(delivery, name) for name in _DELIVERY - _IN_KEY} | {"attempts": attempts}
    if delivery.round_started_at == delivery.accepted_at:  # as in the first round of what was published once
        del values["round_started_at"]
    if not delivery.test:
        del values["test"]
    if delivery.is_final():  # no message makes a next attempt
        del values["message_id"]
    return key | to_item(values | extra)


def delivery_of(item: dict[str, Any]) -> Delivery:
    accepted_at, event_id = accepted_event(item["sk"]["S"])
    values = {
        "webhook_id": owner_id(item),
        "event_id": event_id,
        "accepted_at": accepted_at,
        "round_started_at": accepted_at,
        **from_item({name: item[name] for name in _DELIVERY & item.keys()}),
    }
    values["attempts"] = [_attempt_of(attempt) for attempt in values["attempts"]]
    return Delivery(**values)


def outcome_of(item: Mapping[str, Any]) -> Outcome:
    """Reads the outcome from a delivery's item. It needs `sk`, `status` and `attempts` only: there are many."""
    attempts = [attempt["M"] for attempt in item["attempts"]["L"]]
    return Outcome(
        accepted_at=accepted_event(item["sk"]["S"])[0],
        status=item["status"]["S"],
        attempts=len(attempts),
        answered_ms=[int(attempt["duration_ms"]["N"]) for attempt in attempts if "N" in attempt.get("status_code", {})],
    )


def _attempt_values(attempt: Attempt) -> dict[str, Any]:
    values = {name: getattr(attempt, name) for name in _ATTEMPT}
    return {name: value for name, value in values.items() if value is not None and value != _FIRST.get(name)}


def _attempt_of(values: dict[str, Any]) -> Attempt:
    return Attempt(**{**_FIRST, **{name: value for name, value in values.items() if name in _ATTEMPT}})


_WEBHOOK = {field.name for field in fields(Webhook)}
_DELIVERY = {field.name for field in fields(Delivery)}
_IN_KEY = {"webhook_id", "event_id", "accepted_at"}
_ATTEMPT = {field.name for field in fields(Attempt)}
_FIRST: Mapping[str, Any] = {"number": 1, "round": 1}
"""What most attempts have: it is not written."""
