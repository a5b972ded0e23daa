"""
The queries for a webhook's deliveries. Each function returns a request without the table's name. `start` is the place at
which the page before has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhooks import due
from webhooks.item_keys import delivery_key, pending_key, unsettled_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value


def logged(
    webhook_id: str,
    since: str,
    *,
    until: str | None = None,
    start: str | None = None,
    status: str | None = None,
    event: str | None = None,
) -> dict[str, Any]:
    """Asks for events accepted after the time or sort key `since` and before the time `until`. `start` is a sort key."""
    query: dict[str, Any] = {
        **_between("pk", delivery_key(webhook_id, since)["pk"], since, until),
        "ConsistentRead": True,
        **({"ExclusiveStartKey": delivery_key(webhook_id, start)} if start else {}),
    }
    return _filtered(query, status=status, event=event)


def unsettled(
    webhook_id: str, since: str, *, until: str | None = None, start: str | None = None, event: str | None = None
) -> dict[str, Any]:
    """As `logged`, for deliveries that are failed or being retried. The index is a moment behind the table."""
    query: dict[str, Any] = {
        "IndexName": "failed",
        **_between("failed_webhook", unsettled_key(webhook_id, since)["failed_webhook"], since, until),
        **({"ExclusiveStartKey": unsettled_key(webhook_id, start)} if start else {}),
    }
    return _filtered(query, event=event)


def pending(webhook_id: str, before: str, *, start: str | None = None) -> dict[str, Any]:
    """Pending deliveries whose round began before the time `before`, the oldest first. `start` is a `pending_place`."""
    return {
        "IndexName": due.INDEX,
        "KeyConditionExpression": "due = :webhook AND due_at < :before",
        "ExpressionAttributeValues": {":webhook": {"S": webhook_id}, ":before": {"S": before}},
        **({"ExclusiveStartKey": pending_key(webhook_id, start)} if start else {}),
    }


def _between(partition: str, webhook: Value, since: str, until: str | None) -> dict[str, Any]:
    """No sort key is a time alone, so that both ends are left out."""
    condition = "sk BETWEEN :since AND :until" if until else "sk > :since"
    values = {":webhook": webhook, ":since": {"S": since}} | ({":until": {"S": until}} if until else {})
    return {
        "KeyConditionExpression": f"{partition} = :webhook AND {condition}",
        "ExpressionAttributeValues": values,
    }


def _filtered(query: dict[str, Any], **filters: str | None) -> dict[str, Any]:
    wanted = {name: value for name, value in filters.items() if value}
    if wanted:
        query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in wanted)
        query["ExpressionAttributeNames"] = {f"#{name}": name for name in wanted}
        query["ExpressionAttributeValues"] |= {f":{name}": {"S": value} for name, value in wanted.items()}
    return query
