"""
The keys of all items of both tables, and what is read from a key. Neither ids nor times have a `#`.

With an empty id, a sort key is the prefix of all those that the partition has of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webhooks.delivery_places import log_place_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value


def owner_id(item: Mapping[str, Any]) -> str:
    """Returns the id in the partition key of an item that is no event's."""
    return str(item["pk"]["S"]).partition("#")[2]


def webhook_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"WEBHOOK#{webhook_id}"}}


def webhook_count_key(account_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "COUNT"}}


def subscriptions_key(account_id: str) -> dict[str, Value]:
    """The key of what publishers know about the account's subscribers: its version, and the changes under way."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "SUBSCRIPTIONS"}}


def deleted_webhook_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    """The key of what is left of a deleted webhook, by which an erasure finds the deliveries in the log."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"DELETED#{webhook_id}"}}


def deleted_webhook_id(item: Mapping[str, Any]) -> str:
    return str(item["sk"]["S"]).partition("#")[2]


def erasure_key(account_id: str) -> dict[str, Value]:
    """The key of the progress of an account's erasure, in the log table."""
    return {"pk": {"S": f"ERASURE#{account_id}"}, "sk": {"S": "ERASURE"}}


def delivery_key(webhook_id: str, place: str) -> dict[str, Value]:
    """`place` is a `log_place`, as for `unsettled_key`."""
    return {"pk": {"S": f"WEBHOOK#{webhook_id}"}, "sk": {"S": place}}


def unsettled_key(webhook_id: str, place: str) -> dict[str, Value]:
    """The key of a delivery in the index `failed`."""
    return delivery_key(webhook_id, place) | {"failed_webhook": {"S": webhook_id}}


def pending_key(webhook_id: str, place: str) -> dict[str, Value]:
    """The key of a pending delivery in the index `due`. `place` is a `pending_place`."""
    key = delivery_key(webhook_id, log_place_of(place))
    return key | {"due": {"S": webhook_id}, "due_at": {"S": place}}


def pace_key(webhook_id: str) -> dict[str, Value]:
    """The key of the item that says when a webhook's next delivery may be made, and whether others wait."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": "PACE"}}


def catch_up_key(webhook_id: str) -> dict[str, Value]:
    """The key of the progress of the webhook's catching up."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": "CATCH_UP"}}


def is_catch_up(item: Mapping[str, Any]) -> bool:
    """Whether it is the progress of catching up, and not the pace."""
    return bool(item["sk"] == catch_up_key("")["sk"])


def waiting_key(webhook_id: str, place: str) -> dict[str, Value]:
    """The key of a delivery that waits. `place` is a `waiting_place`."""
    return {"pk": {"S": f"PACE#{webhook_id}"}, "sk": {"S": f"WAITING#{place}"}}


def is_waiting(key: str) -> bool:
    """Whether it is the sort key of a delivery that waits, and not of the pace or of catching up."""
    return key.startswith("WAITING#")


def waiting_event(key: str) -> tuple[str, str, int]:
    """Returns, from the sort key of a delivery that waits, when its event was accepted, the event's id and the round."""
    _, accepted_at, event_id, round = key.split("#")
    return accepted_at, event_id, int(round)


def inbox_key(token_sha256: str) -> dict[str, Value]:
    """The key, in the config table, of whose a test address is and how many requests it has received."""
    return {"pk": {"S": f"INBOX#{token_sha256}"}, "sk": {"S": "INBOX"}}


def received_key(webhook_id: str, slot: int) -> dict[str, Value]:
    """The key, in the log table, of a request that a test address has received."""
    return {"pk": {"S": f"INBOX#{webhook_id}"}, "sk": {"S": f"REQUEST#{slot:02}"}}


def api_key_key(key_id: str) -> dict[str, Value]:
    """The key of the item by which a call is authenticated."""
    return {"pk": {"S": f"KEY#{key_id}"}, "sk": {"S": "KEY"}}


def account_api_key_key(account_id: str, key_id: str) -> dict[str, Value]:
    """The key of an API key's entry in the list of its account."""
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"KEY#{key_id}"}}


def rate_limit_key(account_id: str, counter: str, window: int) -> dict[str, Value]:
    """`window` counts the minutes since 1970."""
    return {"pk": {"S": f"LIMIT#{account_id}"}, "sk": {"S": f"{counter}#{window}"}}


def recent_request_key(account_id: str, request: str) -> dict[str, Value]:
    return {"pk": {"S": f"REQUEST#{account_id}"}, "sk": {"S": request}}


def notifications_key(account_id: str) -> dict[str, Value]:
    """The key of the address to which mails about the account's webhooks are sent."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": "ADDRESS"}}


def mailed_key(account_id: str, webhook_id: str) -> dict[str, Value]:
    """The key of the time until which no further mail about the webhook is sent."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": f"MAILED#{webhook_id}"}}


def mail_count_key(account_id: str, day: str) -> dict[str, Value]:
    """The key of the number of mails to the account on a `day`, such as `2026-05-29`."""
    return {"pk": {"S": f"NOTIFY#{account_id}"}, "sk": {"S": f"COUNT#{day}"}}


def event_key(account_id: str, event_id: str) -> dict[str, Value]:
    return {"pk": {"S": f"EVENT#{account_id}#{event_id}"}, "sk": {"S": "EVENT"}}


def event_ids(item: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the ids of the account and of the event."""
    _, account_id, event_id = item["pk"]["S"].split("#")
    return account_id, event_id
