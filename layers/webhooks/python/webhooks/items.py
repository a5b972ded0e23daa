"""Webhooks and deliveries as DynamoDB items. Unknown attributes are ignored, so that a newer version can add some."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from webhooks.models import Attempt, Delivery, Webhook, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value

_serialise = TypeSerializer().serialize
_deserialise = TypeDeserializer().deserialize


def to_item(values: dict[str, Any]) -> dict[str, Value]:
    """Attribute map of a plain dict; None means absent."""
    return {name: _serialise(value) for name, value in values.items() if value is not None}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _deserialise(value) for name, value in item.items()}


def webhook_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"WEBHOOK#{webhook_id}"}}


def delivery_key(webhook_id: str, accepted_at: str, event_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"WEBHOOK#{webhook_id}"}, "sk": {"S": f"{accepted_at}#{event_id}"}}


def event_key(account_id: str, event_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"EVENT#{account_id}#{event_id}"}, "sk": {"S": "EVENT"}}


def webhook_item(webhook: Webhook) -> dict[str, Value]:
    return webhook_key(webhook.account_id, webhook.id) | to_item(asdict(webhook))


def webhook_of(item: dict[str, Any]) -> Webhook:
    values = from_item({name: item[name] for name in _WEBHOOK & item.keys()})
    return Webhook(**values | {"version": int(values.get("version", 1))})


def delivery_item(delivery: Delivery, log_days: int) -> dict[str, Value]:
    """`failed_webhook` is there only while the delivery is failed: the sparse index `failed` is keyed by it."""
    extra = {
        "expires_at": expires_at(delivery.accepted_at, log_days),
        "failed_webhook": delivery.webhook_id if delivery.status == "failed" else None,
    }
    key = delivery_key(delivery.webhook_id, delivery.accepted_at, delivery.event_id)
    attempts = [{name: v for name, v in asdict(a).items() if v is not None} for a in delivery.attempts]
    return key | to_item(asdict(delivery) | {"attempts": attempts} | extra)


def delivery_of(item: dict[str, Any]) -> Delivery:
    values = from_item({name: item[name] for name in _DELIVERY & item.keys()})
    for number in ("round", "version"):
        values[number] = int(values[number])
    values["attempts"] = [_attempt_of(attempt) for attempt in values["attempts"]]
    return Delivery(**values)


def expires_at(accepted_at: str, log_days: int) -> int:
    """When the log forgets the event: Unix seconds, `log_days` days after it was accepted."""
    return int((parse_time(accepted_at) + timedelta(days=log_days)).timestamp())


def _attempt_of(values: dict[str, Any]) -> Attempt:
    known = {name: value for name, value in values.items() if name in _ATTEMPT}
    for number in ("number", "round", "duration_ms", "status_code"):
        if number in known:
            known[number] = int(known[number])
    return Attempt(**known)


_WEBHOOK = {field.name for field in fields(Webhook)}
_DELIVERY = {field.name for field in fields(Delivery)}
_ATTEMPT = {field.name for field in fields(Attempt)}
