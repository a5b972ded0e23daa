"""
Deliveries that come faster than their webhook's pace wait in the log table, until `deliver.release` sends them.

The item of the webhook's pace (`webhooks.pace`) says whether something waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.batches import batch_delete
from webhooks.delivery_places import waiting_place
from webhooks.due import RELEASE
from webhooks.expressions import begins_with
from webhooks.item_keys import pace_key, waiting_event, waiting_key
from webhooks.messages import DeliveryMessage
from webhooks.retention import expires_at
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    Whether deliveries of a webhook wait. `arrived` counts all that ever came to wait, so that a writer can tell whether more
    came.
    """

    webhook_id: str
    account_id: str
    arrived: int


class WaitingDeliveries:
    def __init__(self, client: DynamoDBClient, table: str, *, log_days: int) -> None:
        self._client = client
        self._table = table
        self._log_days = log_days

    def put(self, messages: Sequence[DeliveryMessage]) -> None:
        """
        Lets messages of one webhook wait. Each message is written first, then the item that says that something waits: the
        caller repeats the whole if it is broken off in between, and a release that finds nothing does not miss what comes at
        that moment.
        """
        for message in messages:
            known = {"account_id": message.account_id, "event": message.event, "test": message.test or None}
            extra = {"expires_at": expires_at(message.accepted_at, self._log_days)}
            item = _key(message) | to_item({**known, **extra})
            self._client.put_item(TableName=self._table, Item=item)
        at = rfc3339(now())
        values = {
            ":account": messages[0].account_id,
            ":due": RELEASE,
            ":now": at,
            ":expires": expires_at(at, self._log_days),
            ":count": len(messages),
        }
        self._client.update_item(
            TableName=self._table,
            Key=pace_key(messages[0].webhook_id),
            UpdateExpression="SET account_id = :account, due = :due, due_at = if_not_exists(due_at,:now), "
            "expires_at = :expires ADD kept :count",
            ExpressionAttributeValues=to_item(values),
        )

    def first(self, webhook_id: str, *, limit: int) -> list[DeliveryMessage]:
        """Returns what has waited longest, at most `limit` messages, without bodies."""
        answer = self._client.query(
            TableName=self._table, **begins_with(waiting_key(webhook_id, "")), ConsistentRead=True, Limit=limit
        )
        return [_message(webhook_id, item["sk"]["S"], from_item(item)) for item in answer["Items"]]

    def remove(self, messages: Sequence[DeliveryMessage]) -> None:
        """Ends the wait of these messages, not of other rounds of the same deliveries. Raises UnprocessedKeys."""
        keys = [_key(message) for message in messages]
        batch_delete(self._client, self._table, keys)

    def state(self, webhook_id: str) -> Waiting | None:
        """None for a webhook of which nothing ever waited."""
        answer = self._client.get_item(TableName=self._table, Key=pace_key(webhook_id), ConsistentRead=True)
        item = from_item(answer.get("Item", {}))
        return Waiting(webhook_id, item["account_id"], item["kept"]) if "kept" in item else None

    def finish(self, state: Waiting) -> bool:
        """Notes that nothing waits. Returns False if something came to wait since the state was read."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=pace_key(state.webhook_id),
                UpdateExpression="REMOVE due, due_at",
                ConditionExpression="kept = :kept",
                ExpressionAttributeValues=to_item({":kept": state.arrived}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(message: DeliveryMessage) -> dict[str, Value]:
    webhook_id, place = message.key()
    return waiting_key(webhook_id, waiting_place(place, message.round))


def _message(webhook_id: str, key: str, item: dict[str, Any]) -> DeliveryMessage:
    """Returns the message with a round that starts now: its 24 hours to be attempted begin when it is released."""
    accepted_at, event_id, round = waiting_event(key)
    return DeliveryMessage(
        webhook_id=webhook_id,
        account_id=item["account_id"],
        event_id=event_id,
        event=item["event"],
        accepted_at=accepted_at,
        round=round,
        round_started_at=rfc3339(now()),
        body="",
        test=bool(item.get("test")),
    )
