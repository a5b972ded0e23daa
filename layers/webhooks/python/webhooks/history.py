"""A webhook's deliveries in pages, by time; the failed ones from the sparse index, which holds no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.batches import batch_get
from webhooks.items import delivery_of, event_key, from_item
from webhooks.models import Delivery, now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READ, _READS = 200, 5
"""A filtered page reads at most so many items, so many times."""

_ROOM = 2_000_000
"""Bytes of JSON of the attempts' texts in one page. Lambda's answer, which escapes them once more, ends at 6 MB."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    `after`: the sort key to go on after, None at the end. `searched_to`: how far a page has looked that is not full,
    though more may follow.
    """

    deliveries: list[Delivery]
    after: str | None
    searched_to: str | None = None


class History:
    def __init__(self, client: DynamoDBClient, table: str, *, log_days: int) -> None:
        """What was accepted more than `log_days` days ago is not shown: DynamoDB removes it some days later."""
        self._client = client
        self._table = table
        self._log_days = log_days

    def page(
        self, webhook_id: str, *, limit: int, after: str | None, status: str | None = None, event: str | None = None
    ) -> Page:
        """Newest first, at most 100. What one call reads is bounded, so that a filtered page may not be full."""
        failed, oldest = status == "failed", self._oldest()
        query = self._query(webhook_id, oldest, failed=failed, event=event, status=None if failed else status)
        if after and after <= oldest:
            return Page([], None)
        if after:
            query["ExclusiveStartKey"] = _start(webhook_id, after, failed=failed)
        query |= {"ScanIndexForward": False, "Limit": _READ if "FilterExpression" in query else limit + 1}
        items, last = self._read(query, more_than=limit)
        deliveries = self._whole(items[:limit], status) if failed else [delivery_of(item) for item in items[:limit]]
        shown = _fitting(deliveries)
        if len(shown) < len(deliveries):
            last = _sort_key(shown[-1])
        elif len(items) > limit:
            last = items[limit - 1]["sk"]["S"]
        short = last and len(shown) < limit
        return Page(shown, last, last.partition("#")[0] if last and short else None)

    def failed(self, webhook_id: str, *, since: str, limit: int) -> Page:
        """Oldest first, those after the sort key or time `since`; at most 100."""
        query = self._query(webhook_id, max(since, self._oldest()), failed=True) | {"Limit": limit}
        answer = self._client.query(**query)
        last = answer.get("LastEvaluatedKey")
        return Page(self._whole(answer["Items"], "failed"), last["sk"]["S"] if last else None)

    def bodies(self, account_id: str, event_ids: Iterable[str]) -> dict[str, str]:
        """By event id, of at most 100 events; those that the log has forgotten are left out."""
        keys = [event_key(account_id, event_id) for event_id in event_ids]
        found = [from_item(item) for item in batch_get(self._client, {self._table: keys})[self._table]] if keys else []
        return {event["event_id"]: event["body"] for event in found}

    def _oldest(self) -> str:
        return rfc3339(now() - timedelta(days=self._log_days))

    def _query(self, webhook_id: str, after: str, *, failed: bool, **filters: str | None) -> dict[str, Any]:
        wanted = {name: value for name, value in filters.items() if value}
        key = ("failed_webhook", webhook_id) if failed else ("pk", f"WEBHOOK#{webhook_id}")
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"{key[0]} = :key AND sk > :after",
            "ExpressionAttributeValues": {":key": {"S": key[1]}, ":after": {"S": after}},
            **({"IndexName": "failed"} if failed else {"ConsistentRead": True}),  # an index can't be read so
        }
        if wanted:
            query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in wanted)
            query["ExpressionAttributeNames"] = {f"#{name}": name for name in wanted}
            query["ExpressionAttributeValues"] |= {f":{name}": {"S": value} for name, value in wanted.items()}
        return query

    def _read(self, query: dict[str, Any], *, more_than: int) -> tuple[list[dict[str, Any]], str | None]:
        """The items, and the sort key of the last one looked at if there may be more."""
        items: list[dict[str, Any]] = []
        for _ in range(_READS):
            answer = self._client.query(**query)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items, None
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            if len(items) > more_than:
                break
        return items, query["ExclusiveStartKey"]["sk"]["S"]

    def _whole(self, items: Sequence[dict[str, Any]], status: str | None) -> list[Delivery]:
        """What the index knows of, as the table has it: the index is a moment behind."""
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
        if not keys:
            return []
        found = {
            item["sk"]["S"]: delivery_of(item) for item in batch_get(self._client, {self._table: keys})[self._table]
        }
        deliveries = [found.get(item["sk"]["S"]) for item in items]
        return [delivery for delivery in deliveries if delivery and delivery.status == status]


def _start(webhook_id: str, sort_key: str, *, failed: bool) -> dict[str, Any]:
    key = {"pk": {"S": f"WEBHOOK#{webhook_id}"}, "sk": {"S": sort_key}}
    return key | ({"failed_webhook": {"S": webhook_id}} if failed else {})


def _sort_key(delivery: Delivery) -> str:
    return f"{delivery.accepted_at}#{delivery.event_id}"


def _fitting(deliveries: list[Delivery]) -> list[Delivery]:
    """As many as one answer has room for, at least one."""
    room = _ROOM
    for count, delivery in enumerate(deliveries):
        room -= sum(len(json.dumps([attempt.response_body, attempt.error])) for attempt in delivery.attempts)
        if room < 0 and count:
            return deliveries[:count]
    return deliveries
