"""Webhooks, events and deliveries as DynamoDB items. Unknown attributes are ignored, so that a newer version can add some.

Events and deliveries are kept for weeks and paid for by the byte: they have no attribute that follows from their key or
another attribute. Items of versions that wrote those, too, are read the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.deliveries import Attempt, Delivery, Outcome
from webhooks.models import StoredEvent, Webhook
from webhooks.times import parse_time

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
    """Other types are returned unchanged."""
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


# With an empty id, a sort key is the prefix of all those that the partition has of the kind.
def webhook_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"WEBHOOK#{webhook_id}"}}


def webhook_count_key(account_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "COUNT"}}


def subscriptions_key(account_id: str) -> dict[str, Value]:
    """Of the version of what publishers know about the account's subscribers, and of changes under way."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "SUBSCRIPTIONS"}}


def deleted_webhook_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    """Of what is left of a deleted webhook: by it, an erasure finds the deliveries in the log."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"DELETED#{webhook_id}"}}


def erasure_key(account_id: str) -> dict[str, Value]:
    """Of how far the account's erasure is. In the log table."""
    return {"pk": {"S": f"ERASURE#{account_id}"}, "sk": {"S": "ERASURE"}}


def delivery_key(webhook_id: str, sort_key: str) -> dict[str, Value]:
    return {"pk": {"S": f"WEBHOOK#{webhook_id}"}, "sk": {"S": sort_key}}


def unsettled_key(webhook_id: str, sort_key: str) -> dict[str, Value]:
    """In the sparse index."""
    return delivery_key(webhook_id, sort_key) | {"failed_webhook": {"S": webhook_id}}


def pending_place(delivery: Delivery) -> str:
    """Sorts pending deliveries in the order in which their rounds began."""
    return f"{delivery.round_started_at}#{delivery.sort_key()}"


def pending_key(webhook_id: str, place: str) -> dict[str, Value]:
    """In the index `due`."""
    key = delivery_key(webhook_id, place.partition("#")[2])
    return key | {"due": {"S": webhook_id}, "due_at": {"S": place}}


def pace_key(webhook_id: str) -> dict[str, Value]:
    """Of the item that says when a webhook's next delivery may be made, and whether others wait for their moment."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": "PACE"}}


def catch_up_key(webhook_id: str) -> dict[str, Value]:
    """Of how far the webhook's catching up is."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": "CATCH_UP"}}


def waiting_key(webhook_id: str, place: str) -> dict[str, Value]:
    """Of a delivery that waits. The `place` sorts in the order of acceptance."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": f"WAITING#{place}"}}


def inbox_key(token_sha256: str) -> dict[str, Value]:
    """In the config table: whose a test address is, and how many requests it has received."""
    return {"pk": {"S": f"INBOX#{token_sha256}"}, "sk": {"S": "INBOX"}}


def received_key(webhook_id: str, slot: int) -> dict[str, Value]:
    """In the log table: of a request that a test address has received."""
    return {"pk": {"S": f"INBOX#{webhook_id}"}, "sk": {"S": f"REQUEST#{slot:02}"}}


def api_key_key(key_id: str) -> dict[str, Value]:
    """Of the item by which a call is authenticated."""
    return {"pk": {"S": f"KEY#{key_id}"}, "sk": {"S": "KEY"}}


def account_api_key_key(account_id: str, key_id: str) -> dict[str, Value]:
    """Of the key's entry in the list of its account."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"KEY#{key_id}"}}


def rate_limit_key(account_id: str, counter: str, window: int) -> dict[str, Value]:
    """`window` counts the minutes since 1970."""
    return {"pk": {"S": f"LIMIT#{account_id}"}, "sk": {"S": f"{counter}#{window}"}}


def recent_request_key(account_id: str, request: str) -> dict[str, Value]:
    return {"pk": {"S": f"REQUEST#{account_id}"}, "sk": {"S": request}}


def notifications_key(account_id: str) -> dict[str, Value]:
    """Of the address to which mails about the account's webhooks are sent."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": "ADDRESS"}}


def mailed_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    """Of what says until when no further mail about the webhook is sent."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": f"MAILED#{webhook_id}"}}


def mail_count_key(account_id: str, day: str) -> dict[str, Value]:
    """Of the number of mails to the account on a day, `2026-05-29`."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": f"COUNT#{day}"}}


def event_key(account_id: str, event_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"EVENT#{account_id}#{event_id}"}, "sk": {"S": "EVENT"}}


def webhook_item(webhook: Webhook) -> dict[str, Value]:
    return webhook_key(webhook.account_id, webhook.id) | to_item(asdict(webhook))


def inbox_item(webhook: Webhook) -> dict[str, Value]:
    """Of its test address."""
    assert webhook.inbox is not None
    return inbox_key(webhook.inbox) | to_item({"account_id": webhook.account_id, "webhook_id": webhook.id})


def webhook_of(item: dict[str, Any]) -> Webhook:
    values = from_item({name: item[name] for name in _WEBHOOK & item.keys()})
    return Webhook(**values)


def event_item(event: StoredEvent, log_days: int) -> dict[str, Value]:
    values = {"event": event.event, "body": event.body, "accepted_at": event.accepted_at, "webhooks": event.webhooks}
    extra = {"expires_at": expires_at(event.accepted_at, log_days)}
    return event_key(event.account_id, event.event_id) | to_item(values | extra)


def event_of(item: dict[str, Any]) -> StoredEvent:
    _, account_id, event_id = item["pk"]["S"].split("#")  # ids have no such character
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
        "due_at": pending_place(delivery) if pending else None,
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
    accepted_at, _, event_id = item["sk"]["S"].partition("#")
    values = {
        "webhook_id": item["pk"]["S"].partition("#")[2],
        "event_id": event_id,
        "accepted_at": accepted_at,
        "round_started_at": accepted_at,
        **from_item({name: item[name] for name in _DELIVERY & item.keys()}),
    }
    values["attempts"] = [_attempt_of(attempt) for attempt in values["attempts"]]
    return Delivery(**values)


def outcome_of(item: Mapping[str, Any]) -> Outcome:
    """Of a delivery's item, or of its `sk`, `status` and `attempts`. Nothing else is read: there are many."""
    attempts = [attempt["M"] for attempt in item["attempts"]["L"]]
    return Outcome(
        accepted_at=item["sk"]["S"].partition("#")[0],
        status=item["status"]["S"],
        attempts=len(attempts),
        answered_ms=[int(attempt["duration_ms"]["N"]) for attempt in attempts if "N" in attempt.get("status_code", {})],
    )


def expires_at(accepted_at: str, log_days: int) -> int:
    """When the log forgets the event: Unix seconds, `log_days` days after it was accepted."""
    return int((parse_time(accepted_at) + timedelta(days=log_days)).timestamp())


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
"""Of most attempts: not written."""
