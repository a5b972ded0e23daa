"""A webhook's deliveries, as the log shows them: pages, and outcomes to be counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from webhooks import log_queries
from webhooks.batches import batch_get
from webhooks.deliveries import Delivery, Outcome
from webhooks.delivery_places import accepted_event
from webhooks.items import delivery_of, outcome_of
from webhooks.log_pages import MAX_READS, Page, fitting
from webhooks.retention import oldest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEMS_PER_READ = 200
"""Items that one read of a filtered page looks at."""

_MAX_OUTCOME_READS = 10


class DeliveryLists:
    def __init__(self, client: DynamoDBClient, name: str, *, log_days: int) -> None:
        """`log_days`: deliveries of events that were accepted before are not shown."""
        self._client = client
        self._name = name
        self._log_days = log_days

    def page(
        self,
        webhook_id: str,
        *,
        limit: int,
        after: str | None,
        status: str | None = None,
        event: str | None = None,
        since: str = "",
        until: str | None = None,
    ) -> Page:
        """
        Newest first, at most 100, of events accepted from the time `since` on and before the time `until`. What one call
        reads is bounded, so that a filtered page may not be full.
        """
        failed, since = status == "failed", max(since, oldest(self._log_days))
        if any(end and end <= since for end in (after, until)):
            return Page([], None)
        if after and until and after > until:  # DynamoDB refuses to start beyond the end
            after = None
        if failed:
            query = log_queries.unsettled(webhook_id, since, until=until, start=after, event=event)
        else:
            query = log_queries.logged(webhook_id, since, until=until, start=after, status=status, event=event)
        query |= {"ScanIndexForward": False, "Limit": _ITEMS_PER_READ if "FilterExpression" in query else limit + 1}
        items, last = self._read(query, more_than=limit)
        if failed:
            deliveries = [d for d in read_listed(self._client, self._name, items[:limit]) if d.status == "failed"]
        else:
            deliveries = [delivery_of(item) for item in items[:limit]]
        shown = fitting(deliveries)
        if len(shown) < len(deliveries):
            last = shown[-1].sort_key()
        elif len(items) > limit:
            last = items[limit - 1]["sk"]["S"]
        short = last and len(shown) < limit
        return Page(shown, last, accepted_event(last)[0] if last and short else None)

    def outcomes(self, webhook_id: str, since: str) -> tuple[list[Outcome], bool]:
        """
        Of deliveries of events accepted since the time `since`, newest first, and whether these are all. At most ten
        reads of 1 MB of whole items, eventually consistent, which cost half as much.
        """
        query = log_queries.logged(webhook_id, since) | {
            "ScanIndexForward": False,
            "ConsistentRead": False,
            "ProjectionExpression": "sk, #status, attempts",
            "ExpressionAttributeNames": {"#status": "status"},
        }
        found: list[Outcome] = []
        for _ in range(_MAX_OUTCOME_READS):
            answer = self._client.query(TableName=self._name, **query)
            found += map(outcome_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found, True
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found, False

    def _read(self, query: dict[str, Any], *, more_than: int) -> tuple[list[dict[str, Any]], str | None]:
        """The items, and the sort key of the last one looked at if there may be more."""
        items: list[dict[str, Any]] = []
        for _ in range(MAX_READS):
            answer = self._client.query(TableName=self._name, **query)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items, None
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            if len(items) > more_than:
                break
        return items, query["ExclusiveStartKey"]["sk"]["S"]


def read_listed(client: DynamoDBClient, table: str, items: Sequence[dict[str, Any]]) -> list[Delivery]:
    """The deliveries that an index lists, as the table has them: the index is a moment behind."""
    keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
    found = batch_get(client, {table: keys})[table] if keys else []
    by_sort_key = {delivery.sort_key(): delivery for delivery in map(delivery_of, found)}
    return [by_sort_key[item["sk"]["S"]] for item in items if item["sk"]["S"] in by_sort_key]
