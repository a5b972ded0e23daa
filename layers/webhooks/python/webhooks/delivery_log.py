"""The log table: each event once, with the body as it is POSTed, and one item per delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from webhooks import log_queries
from webhooks.batches import batch_get
from webhooks.deliveries import STRANDED_AFTER, Delivery, Outcome, sort_key
from webhooks.item_keys import delivery_key, event_key, pending_place
from webhooks.items import delivery_item, delivery_of, event_item, event_of, outcome_of
from webhooks.log_pages import Page, fitting
from webhooks.models import StoredEvent
from webhooks.retention import oldest
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

_ITEMS_PER_READ = 200
"""Of a filtered page."""

_MAX_READS = 5
_MAX_OUTCOME_READS = 10
_MAX_COUNTS = 10
"""Of a megabyte, which is some 5,000 items of the index."""


class DeliveryLog:
    def __init__(self, client: DynamoDBClient, name: str, *, log_days: int) -> None:
        """`log_days`: an event and its deliveries are kept so long after the event was accepted, and not shown after."""
        self._client = client
        self.name = name
        self._log_days = log_days

    def put_event_once(self, event: StoredEvent) -> StoredEvent:
        """Stores the event if its id is new to the account; returns what is stored: the first one wins."""
        try:
            self._client.put_item(
                TableName=self.name,
                Item=event_item(event, self._log_days),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as known:
            stored: dict[str, Any] = dict(known.response)
            return event_of(stored["Item"])
        return event

    def event(self, account_id: str, event_id: str) -> StoredEvent | None:
        """None, too, for an event that has expired: DynamoDB removes it up to days later."""
        answer = self._client.get_item(TableName=self.name, Key=event_key(account_id, event_id), ConsistentRead=True)
        event = event_of(answer["Item"]) if "Item" in answer else None
        return event if event and event.accepted_at > oldest(self._log_days) else None

    def delivery(self, webhook_id: str, accepted_at: str, event_id: str) -> Delivery | None:
        """Strongly consistent: what decides about a POST is never read stale."""
        answer = self._client.get_item(
            TableName=self.name, Key=delivery_key(webhook_id, sort_key(accepted_at, event_id)), ConsistentRead=True
        )
        return delivery_of(answer["Item"]) if "Item" in answer else None

    def deliveries(self, event: StoredEvent, webhook_ids: Sequence[str]) -> list[Delivery]:
        """Of the event to these webhooks, as far as there are any, in no order. One read for 100 webhooks."""
        keys = [delivery_key(webhook_id, sort_key(event.accepted_at, event.event_id)) for webhook_id in webhook_ids]
        reads = [keys[start : start + 100] for start in range(0, len(keys), 100)]
        found = [batch_get(self._client, {self.name: some})[self.name] for some in reads]
        return [delivery_of(item) for items in found for item in items]

    def save(self, delivery: Delivery) -> Delivery | None:
        """Writes the delivery if it is unchanged since it was read. Returns it as written, or None."""
        try:
            self._client.put_item(**self.put(delivery))
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return replace(delivery, version=delivery.version + 1)

    def put(self, delivery: Delivery) -> PutTypeDef:
        """`save` as an element of a transaction."""
        put: PutTypeDef = {
            "TableName": self.name,
            "Item": delivery_item(replace(delivery, version=delivery.version + 1), self._log_days),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if delivery.version:
            put["ConditionExpression"] = "version = :read"
            put["ExpressionAttributeValues"] = {":read": {"N": str(delivery.version)}}
        return put

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
            deliveries = [delivery for delivery in self._whole(items[:limit]) if delivery.status == "failed"]
        else:
            deliveries = [delivery_of(item) for item in items[:limit]]
        shown = fitting(deliveries)
        if len(shown) < len(deliveries):
            last = shown[-1].sort_key()
        elif len(items) > limit:
            last = items[limit - 1]["sk"]["S"]
        short = last and len(shown) < limit
        return Page(shown, last, last.partition("#")[0] if last and short else None)

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
            answer = self._client.query(TableName=self.name, **query)
            found += map(outcome_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found, True
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found, False

    def recoverable(self, webhook_id: str, *, since: str, after: str | None, limit: int) -> Page:
        """
        What can be sent again, of events accepted since the time `since`: failed deliveries, and stranded ones, of which
        nothing is on its way any more. At most `limit`, which is 100 at most. What one call reads is bounded: a page may
        not be full. `after` is the last page's.

        First those with attempts in their round, oldest first: `after` is a sort key. Then those without: a `pending_place`.
        """
        since, at = max(since, oldest(self._log_days)), now()
        page = Page([], None)
        if after is None or after.count("#") == 1:
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
        pending = self._collect(query, lambda d: d.sort_key() > since and d.is_stranded(at), pending_place, room)
        return Page(page.deliveries + pending.deliveries, pending.after)

    def failed_since(self, webhook_id: str, since: str) -> int:
        """About how many deliveries of events accepted since then are failed or being retried; counts 50,000 at most."""
        query = log_queries.unsettled(webhook_id, max(since, oldest(self._log_days))) | {"Select": "COUNT"}
        counted = 0
        for _ in range(_MAX_COUNTS):
            answer = self._client.query(TableName=self.name, **query)
            counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return counted

    def bodies(self, account_id: str, event_ids: Iterable[str]) -> dict[str, str]:
        """By event id, of at most 100 events; those that the log has forgotten are left out."""
        keys = [event_key(account_id, event_id) for event_id in event_ids]
        events = [event_of(item) for item in batch_get(self._client, {self.name: keys})[self.name]] if keys else []
        return {event.event_id: event.body for event in events}

    def _collect(
        self, query: dict[str, Any], wanted: Callable[[Delivery], bool], place: Callable[[Delivery], str], limit: int
    ) -> Page:
        """The wanted ones of an index. `place`: where the index has a delivery."""
        found: list[Delivery] = []
        last: dict[str, Any] | None = None
        for _ in range(_MAX_READS):
            answer = self._client.query(TableName=self.name, **query, Limit=limit)
            found += filter(wanted, self._whole(answer["Items"]))
            last = answer.get("LastEvaluatedKey")
            if len(found) >= limit:
                return Page(found[:limit], place(found[limit - 1]))
            if not last:
                return Page(found, None)
            query["ExclusiveStartKey"] = last
        return Page(found, last.get("due_at", last["sk"])["S"] if last else None)

    def _read(self, query: dict[str, Any], *, more_than: int) -> tuple[list[dict[str, Any]], str | None]:
        """The items, and the sort key of the last one looked at if there may be more."""
        items: list[dict[str, Any]] = []
        for _ in range(_MAX_READS):
            answer = self._client.query(TableName=self.name, **query)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items, None
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            if len(items) > more_than:
                break
        return items, query["ExclusiveStartKey"]["sk"]["S"]

    def _whole(self, items: Sequence[dict[str, Any]]) -> list[Delivery]:
        """The deliveries that the index names, as the table has them: the index is a moment behind."""
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
        found = batch_get(self._client, {self.name: keys})[self.name] if keys else []
        by_sort_key = {delivery.sort_key(): delivery for delivery in map(delivery_of, found)}
        return [by_sort_key[item["sk"]["S"]] for item in items if item["sk"]["S"] in by_sort_key]
