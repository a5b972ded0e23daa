"""Webhooks and deliveries as DynamoDB items. Unknown attributes are ignored, so that a newer version can add some."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.models import Attempt, Delivery, Webhook, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value

_WHOLE = re.compile(r"-?[0-9]+")


def to_item(values: dict[str, Any]) -> dict[str, Value]:
    """Attribute map of a plain dict; None means absent."""
    return {name: _serialise(value) for name, value in values.items() if value is not None}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _deserialise(value) for name, value in item.items()}


def _serialise(value: Any) -> Value:
    """What boto3's own serialiser does, for the types that are stored here; numbers are whole."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [_serialise(element) for element in value]}
        case dict():
            return {"M": {name: _serialise(element) for name, element in value.items()}}
        case _:
            raise TypeError(f"{type(value).__name__} is not stored")


def _deserialise(value: Mapping[str, Any]) -> Any:
    """What is of another type is none of ours, and is handed over as it is."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if _WHOLE.fullmatch(content) else content
        case "L":
            return [_deserialise(element) for element in content]
        case "M":
            return {name: _deserialise(element) for name, element in content.items()}
        case "NULL":
            return None
        case _:
            return content


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
    return Webhook(**values)


def delivery_item(delivery: Delivery, log_days: int) -> dict[str, Value]:
    """`failed_webhook` is there only while the delivery is failed: the sparse index `failed` is keyed by it."""
    extra = {
        "expires_at": expires_at(delivery.accepted_at, log_days),
        "failed_webhook": delivery.webhook_id if delivery.status == "failed" else None,
    }
    key = delivery_key(delivery.webhook_id, delivery.accepted_at, delivery.event_id)
    attempts = [{name: v for name in _ATTEMPT if (v := getattr(a, name)) is not None} for a in delivery.attempts]
    # Not `asdict`, which copies everything: this is written at every attempt.
    return key | to_item({name: getattr(delivery, name) for name in _DELIVERY} | {"attempts": attempts} | extra)


def delivery_of(item: dict[str, Any]) -> Delivery:
    values = from_item({name: item[name] for name in _DELIVERY & item.keys()})
    values["attempts"] = [_attempt_of(attempt) for attempt in values["attempts"]]
    return Delivery(**values)


def expires_at(accepted_at: str, log_days: int) -> int:
    """When the log forgets the event: Unix seconds, `log_days` days after it was accepted."""
    return int((parse_time(accepted_at) + timedelta(days=log_days)).timestamp())


def _attempt_of(values: dict[str, Any]) -> Attempt:
    return Attempt(**{name: value for name, value in values.items() if name in _ATTEMPT})


_WEBHOOK = {field.name for field in fields(Webhook)}
_DELIVERY = {field.name for field in fields(Delivery)}
_ATTEMPT = {field.name for field in fields(Attempt)}
