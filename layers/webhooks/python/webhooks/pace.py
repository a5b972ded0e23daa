"""
A webhook's pace: each of its deliveries has a moment, so many a second, in the order of arrival.

A moment within the next five minutes is a delay of the queue message. What would come later waits, and is released minute
by minute (`webhooks.waiting_deliveries`). While something waits, what arrives waits behind it. docs/pace.md says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.item_keys import pace_key
from webhooks.messages import DeliveryMessage
from webhooks.retention import expires_at
from webhooks.times import now, rfc3339
from webhooks.waiting_deliveries import WaitingDeliveries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HORIZON = timedelta(seconds=300)
"""
As far ahead moments are given away. SQS could delay by 900 s; but a change of the pace does not change what is delayed, and
a delay must not look like a backlog to the alarm `OldestMessage`.
"""

_TRIES = 3


class Pace:
    def __init__(self, client: DynamoDBClient, table: str, waiting: WaitingDeliveries, *, log_days: int) -> None:
        self._client = client
        self._table = table
        self._waiting = waiting
        self._log_days = log_days

    def schedule(self, messages: Sequence[DeliveryMessage], per_second: int) -> list[DeliveryMessage]:
        """
        Returns those of one webhook's messages that are to be sent now, in their order, each with its moment. The others are
        put to wait.

        Repeated, as after a crash, it takes other moments; what waits is the same.
        """
        due: list[DeliveryMessage] = []
        size = self.batch(per_second)
        for start in range(0, len(messages), size):
            chunk = messages[start : start + size]
            first = self.take(chunk[0].webhook_id, len(chunk), per_second)
            if first is None:
                self._waiting.put(messages[start:])
                break
            due += at_pace(chunk, first, per_second)
        return due

    def batch(self, per_second: int) -> int:
        """How many moments are taken at once, at most: a fifth of the horizon, so that a part fits if the whole does not."""
        return max(int(per_second * HORIZON.total_seconds() / 5), 1)

    def take(self, webhook_id: str, count: int, per_second: int, *, of_waiting: bool = False) -> datetime | None:
        """
        The first of `count` moments in a row, which nobody else gets. None if they would go beyond the horizon, or if
        something waits that comes first; `of_waiting` is for that.
        """
        step = ceil(count * 1000 / per_second)
        free = "" if of_waiting else " AND attribute_not_exists(due)"
        for _ in range(_TRIES):
            at = _milliseconds(now())
            limit = at + int(HORIZON.total_seconds() * 1000) - step
            if limit < at:
                return None
            idle = f"attribute_not_exists(next_slot){free} OR next_slot < :at{free}"
            values = {":at": at, ":after": at + step}
            taken, item = self._update(webhook_id, "SET next_slot = :after", values, condition=idle)
            if taken:
                return _moment(at)
            if (free and "due" in item) or item["next_slot"] > limit:
                return None
            busy = f"next_slot >= :at AND next_slot <= :limit{free}"
            values = {":at": at, ":limit": limit, ":step": step}
            taken, item = self._update(webhook_id, "SET next_slot = next_slot + :step", values, condition=busy)
            if taken:
                return _moment(item["next_slot"] - step)
        return None

    def _update(
        self, webhook_id: str, change: str, values: dict[str, Any], *, condition: str
    ) -> tuple[bool, dict[str, Any]]:
        """Whether the condition holds, and the item: as it has become, or as it is."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=pace_key(webhook_id),
                UpdateExpression=f"{change}, expires_at = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values | {":expires": expires_at(rfc3339(now()), self._log_days)}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            was: dict[str, Any] = dict(refused.response)
            return False, from_item(was.get("Item", {}))
        return True, from_item(dict(answer["Attributes"]))


def at_pace(messages: Sequence[DeliveryMessage], first: datetime, per_second: int) -> Iterator[DeliveryMessage]:
    """The messages, each with its moment, from the `first` on."""
    for number, message in enumerate(messages):
        yield replace(message, delayed_until=first + timedelta(seconds=number / per_second))


def _milliseconds(at: datetime) -> int:
    return ceil(at.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
