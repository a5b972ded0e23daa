"""A webhook's deliveries that can be sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from webhooks import log_queries
from webhooks.deliveries import STRANDED_AFTER, Delivery
from webhooks.delivery_lists import read_listed
from webhooks.delivery_places import is_pending_place
from webhooks.item_keys import pace_key
from webhooks.log_pages import MAX_READS, Page
from webhooks.retention import oldest
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class RecoverableDeliveries:
    def __init__(self, client: DynamoDBClient, name: str, *, log_days: int) -> None:
        """`log_days`: of events that were accepted before, nothing is sent again."""
        self._client = client
        self._name = name
        self._log_days = log_days

    def page(self, webhook_id: str, *, since: str, after: str | None, limit: int) -> Page:
        """
        What can be sent again, of events accepted since the time `since`: failed deliveries, and stranded ones, of which
        nothing is on its way any more. At most `limit`, which is 100 at most. What one call reads is bounded: a page may
        not be full. `after` is the last page's.

        First those with attempts in their round, oldest first: `after` is a sort key. Then those without: a `pending_place`.
        While something waits because of the webhook's pace, those without may be what waits, and are left alone.
        """
        since, at = max(since, oldest(self._log_days)), now()
        page = Page([], None)
        if after is None or not is_pending_place(after):
            query = log_queries.unsettled(webhook_id, max(since, after or ""))
            page = self._collect(query, lambda d: d.status == "failed" or d.is_stranded(at), Delivery.sort_key, limit)
            if page.after:
                return page
            after = None
        overdue = rfc3339(at - STRANDED_AFTER)
        if after and after >= overdue:  # DynamoDB refuses to start beyond the end
            return page
        query = log_queries.pending(webhook_id, overdue, start=after)
        room = limit - len(page.deliveries)
        pending = self._collect(
            query, lambda d: d.sort_key() > since and d.is_stranded(at), Delivery.pending_place, room
        )
        if pending.deliveries and self._something_waits(webhook_id):
            return page
        return Page(page.deliveries + pending.deliveries, pending.after)

    def _something_waits(self, webhook_id: str) -> bool:
        answer = self._client.get_item(TableName=self._name, Key=pace_key(webhook_id), ConsistentRead=True)
        return "due" in answer.get("Item", {})

    def failed_since(self, webhook_id: str, since: str, *, limit: int = 50_000) -> int:
        """About how many deliveries of events accepted since then are failed or being retried; counts `limit` at most."""
        query = log_queries.unsettled(webhook_id, max(since, oldest(self._log_days))) | {"Select": "COUNT"}
        counted = 0
        while counted < limit:
            answer = self._client.query(TableName=self._name, Limit=limit - counted, **query)
            counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return counted

    def _collect(
        self, query: dict[str, Any], wanted: Callable[[Delivery], bool], place: Callable[[Delivery], str], limit: int
    ) -> Page:
        """The wanted ones of an index. `place`: where the index has a delivery."""
        found: list[Delivery] = []
        for _ in range(MAX_READS):
            answer = self._client.query(TableName=self._name, **query, Limit=limit)
            found += filter(wanted, read_listed(self._client, self._name, answer["Items"]))
            if len(found) >= limit:
                return Page(found[:limit], place(found[limit - 1]))
            if "LastEvaluatedKey" not in answer:
                return Page(found, None)
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        last = query["ExclusiveStartKey"]
        return Page(found, last.get("due_at", last["sk"])["S"])
