"""The log table: each event once, with the body as it is POSTed, and one item a delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from webhooks.items import delivery_item, delivery_key, delivery_of, event_key, expires_at, from_item, to_item
from webhooks.models import Delivery, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

_READ, _READS = 200, 5
"""A filtered page reads at most so many items, so many times."""


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

    def deliveries(
        self, webhook_id: str, *, limit: int, after: str | None, status: str | None = None, event: str | None = None
    ) -> tuple[list[Delivery], str | None]:
        """
        A page, newest first, after the sort key `after`; and the sort key to go on after, None at the end.

        A filtered page may be short although more follow: what one call reads is bounded.
        """
        query = self._log_query(webhook_id, status, event)
        found: list[Delivery] = []
        for _ in range(_READS):
            if after:
                query["ExclusiveStartKey"] = {"pk": {"S": f"WEBHOOK#{webhook_id}"}, "sk": {"S": after}}
            answer = self._client.query(**query, Limit=limit + 1 if status is event is None else _READ)
            found += [delivery_of(item) for item in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            if len(found) > limit:
                return found[:limit], _sort_key(found[limit - 1])
            if last is None:
                return found, None
            after = last["sk"]["S"]
        return found, after

    def _log_query(self, webhook_id: str, status: str | None, event: str | None) -> dict[str, Any]:
        # Expired items stay until DynamoDB removes them, which may take days.
        conditions, names = ["expires_at > :now"], {}
        values = {":pk": {"S": f"WEBHOOK#{webhook_id}"}, ":now": {"N": str(int(now().timestamp()))}}
        for name, wanted in (("status", status), ("event", event)):
            if wanted:
                conditions.append(f"#{name} = :{name}")
                names[f"#{name}"] = name
                values[f":{name}"] = {"S": wanted}
        query: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
        }
        return query | ({"ExpressionAttributeNames": names} if names else {})

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


def _sort_key(delivery: Delivery) -> str:
    return f"{delivery.accepted_at}#{delivery.event_id}"


def _event_of(item: dict[str, Any]) -> StoredEvent:
    values = from_item(item)
    return StoredEvent(**{name: values[name] for name in ("account_id", "event_id", "event", "body", "accepted_at")})
