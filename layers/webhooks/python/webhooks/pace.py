"""
A webhook's pace: each of its deliveries has a moment, so many a second, in the order of arrival.

A moment within the next five minutes is a delay of the queue message. What would come later waits in the log table, and is
released minute by minute (`deliver.release`). While something waits, what arrives waits behind it. docs/pace.md says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.batches import batch_delete
from webhooks.deliveries import sort_key
from webhooks.expressions import begins_with
from webhooks.item_keys import pace_key, waiting_key
from webhooks.messages import DeliveryMessage
from webhooks.retention import expires_at
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HORIZON = timedelta(seconds=300)
"""
As far ahead moments are given away. SQS could delay by 900 s; but a change of the pace does not change what is delayed, and
a delay must not look like a backlog to the alarm `OldestMessage`.
"""


DUE = "due"
"""The index of what is due, and the partition of it with what `deliver.release` has to do."""

_TRIES = 3


@dataclass(frozen=True, slots=True)
class PaceState:
    """Of one webhook. `kept` counts what was ever put to wait, so that a writer can tell whether more came."""

    webhook_id: str
    account_id: str
    kept: int


class Pace:
    def __init__(self, client: DynamoDBClient, table: str, *, log_days: int) -> None:
        self._client = client
        self._table = table
        self._log_days = log_days

    def schedule(self, messages: Sequence[DeliveryMessage], per_second: int) -> list[DeliveryMessage]:
        """
        Of one webhook, in their order: returns those to be sent now, each with its moment. The others are put to wait.

        Repeated, as after a crash, it takes other moments; what waits is the same.
        """
        due: list[DeliveryMessage] = []
        size = self.batch(per_second)
        for start in range(0, len(messages), size):
            chunk = messages[start : start + size]
            first = self.take(chunk[0].webhook_id, len(chunk), per_second)
            if first is None:
                self._keep(messages[start:])
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
                break
            idle = f"attribute_not_exists(next_slot){free} OR next_slot < :at{free}"
            values = {":at": at, ":after": at + step}
            taken, item = self._update(webhook_id, "SET next_slot = :after", values, condition=idle)
            if taken:
                return _moment(at)
            if (free and "due" in item) or item["next_slot"] > limit:
                break
            busy = f"next_slot >= :at AND next_slot <= :limit{free}"
            values = {":at": at, ":limit": limit, ":step": step}
            taken, item = self._update(webhook_id, "SET next_slot = next_slot + :step", values, condition=busy)
            if taken:
                return _moment(item["next_slot"] - step)
        return None

    def waiting(self, webhook_id: str, *, limit: int) -> list[DeliveryMessage]:
        """What has waited longest, without bodies."""
        answer = self._client.query(
            TableName=self._table, **begins_with(waiting_key(webhook_id, "")), ConsistentRead=True, Limit=limit
        )
        return [_message(webhook_id, item["sk"]["S"], from_item(item)) for item in answer["Items"]]

    def remove(self, messages: Sequence[DeliveryMessage]) -> None:
        """They wait no longer. Another round of the same delivery has a place of its own. Raises UnprocessedKeys."""
        keys = [waiting_key(message.webhook_id, _place(message)) for message in messages]
        batch_delete(self._client, self._table, keys)

    def state(self, webhook_id: str) -> PaceState | None:
        """None for a webhook of which nothing ever waited."""
        answer = self._client.get_item(TableName=self._table, Key=pace_key(webhook_id), ConsistentRead=True)
        item = from_item(answer.get("Item", {}))
        return PaceState(webhook_id, item["account_id"], item["kept"]) if "kept" in item else None

    def due(self, *, limit: int) -> list[tuple[str, str]]:
        """
        Webhooks for which something is to be done, the longest due first, each with what: PACE if something waits, or
        CATCH_UP. The index is a moment behind the table.
        """
        answer = self._client.query(
            TableName=self._table,
            IndexName=DUE,
            KeyConditionExpression="due = :due AND due_at <= :at",
            ExpressionAttributeValues={":due": {"S": DUE}, ":at": {"S": rfc3339(now())}},
            Limit=limit,
        )
        return [(item["pk"]["S"].partition("#")[2], item["sk"]["S"]) for item in answer["Items"]]

    def finish(self, state: PaceState) -> bool:
        """Nothing waits. False if something came to wait since the state was read."""
        values = {":kept": state.kept}
        return self._update(state.webhook_id, "REMOVE due, due_at", values, condition="kept = :kept")[0]

    def _keep(self, messages: Sequence[DeliveryMessage]) -> None:
        """
        First each message, then that something waits: the caller repeats the whole if it is broken off between, and the
        release that finds nothing does not miss what comes at that moment.
        """
        for message in messages:
            known = {"account_id": message.account_id, "event": message.event, "test": message.test or None}
            extra = {"expires_at": expires_at(message.accepted_at, self._log_days)}
            item = waiting_key(message.webhook_id, _place(message)) | to_item({**known, **extra})
            self._client.put_item(TableName=self._table, Item=item)
        change = "SET account_id = :account, due = :due, due_at = if_not_exists(due_at,:now)"
        values: dict[str, Any] = {
            ":account": messages[0].account_id,
            ":due": DUE,
            ":now": rfc3339(now()),
            ":count": len(messages),
        }
        self._update(messages[0].webhook_id, change, values, counted="kept")

    def _update(
        self, webhook_id: str, change: str, values: dict[str, Any], *, condition: str = "", counted: str = ""
    ) -> tuple[bool, dict[str, Any]]:
        """
        Whether the condition holds, and the item: as it has become, or as it is. The value `:count` is added to `counted`.
        """
        if change.startswith("SET"):
            change += ", expires_at = :expires"
            values = values | {":expires": expires_at(rfc3339(now()), self._log_days)}
        update: Any = {
            "TableName": self._table,
            "Key": pace_key(webhook_id),
            "UpdateExpression": change + (f" ADD {counted} :count" if counted else ""),
            "ExpressionAttributeValues": to_item(values),
            "ReturnValues": "ALL_NEW",
            **({"ConditionExpression": condition} if condition else {}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            return True, from_item(dict(self._client.update_item(**update)["Attributes"]))
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            was: dict[str, Any] = dict(refused.response)
            return False, from_item(was.get("Item", {}))


def at_pace(messages: Sequence[DeliveryMessage], first: datetime, per_second: int) -> Iterator[DeliveryMessage]:
    """The messages, each with its moment, from the `first` on."""
    for number, message in enumerate(messages):
        yield replace(message, delayed_until=first + timedelta(seconds=number / per_second))


def _place(message: DeliveryMessage) -> str:
    return f"{sort_key(message.accepted_at, message.event_id)}#{message.round}"


def _message(webhook_id: str, key: str, item: dict[str, Any]) -> DeliveryMessage:
    """As it is released now: all its time to be attempted begins."""
    _, accepted_at, event_id, round = key.split("#")  # ids have no such character
    return DeliveryMessage(
        webhook_id=webhook_id,
        account_id=item["account_id"],
        event_id=event_id,
        event=item["event"],
        accepted_at=accepted_at,
        round=int(round),
        round_started_at=rfc3339(now()),
        body="",
        test=bool(item.get("test")),
    )


def _milliseconds(at: datetime) -> int:
    return ceil(at.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
