"""The log table: each event once, with the body as it is POSTed, and one item a delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from webhooks.items import delivery_item, delivery_key, delivery_of, event_key, expires_at, from_item, to_item
from webhooks.models import Delivery

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What was first accepted under this id; it never changes."""

    account_id: str
    event_id: str
    event: str
    body: str
    accepted_at: str


class LogTable:
    def __init__(self, client: DynamoDBClient, name: str, *, log_days: int) -> None:
        """`log_days`: how long an event and its deliveries are kept after the event was accepted."""
        self._client = client
        self.name = name
        self._log_days = log_days

    def put_event_once(self, event: StoredEvent) -> StoredEvent:
        """Stores the event if its id is new to the account; returns what is stored: the first one wins."""
        key = event_key(event.account_id, event.event_id)
        values = {
            "account_id": event.account_id,
            "event_id": event.event_id,
            "event": event.event,
            "body": event.body,
            "accepted_at": event.accepted_at,
            "expires_at": expires_at(event.accepted_at, self._log_days),
        }
        try:
            self._client.put_item(
                TableName=self.name,
                Item=key | to_item(values),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as known:
            stored: dict[str, Any] = dict(known.response)
            return _event_of(stored["Item"])
        return event

    def event(self, account_id: str, event_id: str) -> StoredEvent | None:
        answer = self._client.get_item(TableName=self.name, Key=event_key(account_id, event_id), ConsistentRead=True)
        return _event_of(answer["Item"]) if "Item" in answer else None

    def delivery(self, webhook_id: str, accepted_at: str, event_id: str) -> Delivery | None:
        """Strongly consistent: what decides about a POST is never read stale."""
        answer = self._client.get_item(
            TableName=self.name, Key=delivery_key(webhook_id, accepted_at, event_id), ConsistentRead=True
        )
        return delivery_of(answer["Item"]) if "Item" in answer else None

    def save(self, delivery: Delivery) -> Delivery | None:
        """Writes the delivery if nobody did since it was read. Returns it as written, None when it had moved."""
        put = self.put(delivery)
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return replace(delivery, version=delivery.version + 1)

    def put(self, delivery: Delivery) -> PutTypeDef:
        """The conditional write of `save`, for use in a transaction."""
        put: PutTypeDef = {
            "TableName": self.name,
            "Item": delivery_item(replace(delivery, version=delivery.version + 1), self._log_days),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if delivery.version:
            put["ConditionExpression"] = "version = :read"
            put["ExpressionAttributeValues"] = {":read": {"N": str(delivery.version)}}
        return put


def _event_of(item: dict[str, Any]) -> StoredEvent:
    values = from_item(item)
    return StoredEvent(**{name: values[name] for name in ("account_id", "event_id", "event", "body", "accepted_at")})
