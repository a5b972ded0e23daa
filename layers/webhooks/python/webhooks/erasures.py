"""How far the erasures of accounts are, kept in the log table. docs/erasure.md says what is erased, and when."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.batches import batch_get
from webhooks.due import ERASE, read_due
from webhooks.item_keys import erasure_key, event_key, owner_id
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from webhooks.messages import DeliveryMessage

KEPT = timedelta(days=30)
"""How long it is known that an account was erased: longer than a message can be on a queue, which is 14 days."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """
    The last erasure of an account. `ended_at` is None while it goes on. The numbers count what was deleted; after a crash, a
    page may be missing in them.
    """

    account_id: str
    started_at: str
    ended_at: str | None = None
    keys: int = 0
    webhooks: int = 0
    deliveries: int = 0

    def is_over(self) -> bool:
        return self.ended_at is not None

    def covers(self, accepted_at: str) -> bool:
        """Whether an event accepted at this time was the erased account's, and not a new one's with the same id."""
        return self.ended_at is None or accepted_at <= self.ended_at


class Erasures:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, account_id: str) -> Erasure | None:
        """None for an account that was not erased in the last thirty days."""
        # By a call that deliver may make for other items of the log, so that it needs no further grant.
        items = batch_get(self._client, {self._table: [erasure_key(account_id)]})[self._table]
        found = [{name: value for name, value in from_item(item).items() if name in _FIELDS} for item in items]
        return Erasure(account_id, **found[0]) if found else None

    def begin(self, account_id: str, *, delay: timedelta) -> None:
        """Begins an erasure, of which the log follows after the `delay`. One that is under way goes on unchanged."""
        at = now()
        values = {"started_at": rfc3339(at), "due": ERASE, "due_at": rfc3339(at + delay)}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=erasure_key(account_id) | to_item(values),
                ConditionExpression="attribute_not_exists(due)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def postpone(self, account_id: str, *, delay: timedelta) -> None:
        """Puts off the erasing of the log until after the `delay`."""
        self._update(account_id, "SET due_at = :at", {":at": rfc3339(now() + delay)})

    def count(self, account_id: str, what: str, number: int) -> None:
        """Adds to the number of deleted keys, webhooks or deliveries (`what`), unless the erasure is over."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._update(account_id, "ADD #what :number", {":number": number}, names={"#what": what})

    def finish(self, account_id: str) -> None:
        at = now()
        values = {":at": rfc3339(at), ":expires": int((at + KEPT).timestamp())}
        self._update(account_id, "SET ended_at = :at, expires_at = :expires REMOVE due, due_at", values)

    def due(self, *, limit: int) -> list[str]:
        """Returns accounts whose log can be erased, the longest due first."""
        return [owner_id(item) for item in read_due(self._client, self._table, ERASE, limit=limit)]

    def delete_event_if_erased(self, message: DeliveryMessage) -> bool:
        """
        Returns whether the account of a deleted webhook's message was erased since its event was accepted. If so, it deletes
        the event, which no delivery may name, and the log must not learn of the message.
        """
        erasure = self.read(message.account_id)
        if erasure is None or not erasure.covers(message.accepted_at):
            return False
        self._client.delete_item(TableName=self._table, Key=event_key(message.account_id, message.event_id))
        return True

    def _update(
        self, account_id: str, change: str, values: dict[str, Any], *, names: dict[str, str] | None = None
    ) -> None:
        """Changes an erasure that is under way. Raises ConditionalCheckFailedException if it is over."""
        self._client.update_item(
            TableName=self._table,
            Key=erasure_key(account_id),
            UpdateExpression=change,
            ConditionExpression="attribute_exists(due)",
            ExpressionAttributeValues=to_item(values),
            **({"ExpressionAttributeNames": names} if names else {}),  # type: ignore[arg-type]
        )


_FIELDS = {field.name for field in fields(Erasure)} - {"account_id"}
