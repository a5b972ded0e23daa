"""The log table: each event once, with the body as it is POSTed, and one item per delivery, by their keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from webhooks.batches import batch_get
from webhooks.deliveries import Delivery
from webhooks.delivery_places import log_place
from webhooks.errors import NotFound
from webhooks.item_keys import delivery_key, event_key
from webhooks.items import delivery_item, delivery_of, event_item, event_of
from webhooks.models import Webhook
from webhooks.retention import oldest
from webhooks.stored_events import StoredEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef


class DeliveryLog:
    def __init__(self, client: DynamoDBClient, name: str, *, log_days: int) -> None:
        """`log_days`: an event and its deliveries are kept so long after the event was accepted, and not shown after."""
        self._client = client
        self._name = name
        self._log_days = log_days

    def put_event_once(self, event: StoredEvent) -> StoredEvent:
        """Stores the event if its id is new to the account; returns what is stored: the first one wins."""
        try:
            self._client.put_item(
                TableName=self._name,
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
        answer = self._client.get_item(TableName=self._name, Key=event_key(account_id, event_id), ConsistentRead=True)
        event = event_of(answer["Item"]) if "Item" in answer else None
        return event if event and event.accepted_at > oldest(self._log_days) else None

    def failing_event_accepted_at(self, webhook: Webhook) -> str | None:
        """Returns when the event was accepted that made the webhook failing; None if that is not known."""
        if webhook.failing_event_id is None:
            return None
        # By a call that deliver may make for other items of the log, so that it needs no further grant.
        key = event_key(webhook.account_id, webhook.failing_event_id)
        times = [event_of(item).accepted_at for item in batch_get(self._client, {self._name: [key]})[self._name]]
        return next((time for time in times if time > oldest(self._log_days)), None)

    def delivery(self, webhook_id: str, accepted_at: str, event_id: str) -> Delivery | None:
        """Strongly consistent: what decides about a POST is never read stale."""
        answer = self._client.get_item(
            TableName=self._name, Key=delivery_key(webhook_id, log_place(accepted_at, event_id)), ConsistentRead=True
        )
        return delivery_of(answer["Item"]) if "Item" in answer else None

    def event_and_delivery(self, account_id: str, webhook_id: str, event_id: str) -> tuple[StoredEvent, Delivery]:
        """Raises NotFound if the webhook has no delivery of the account's event, or the event has expired."""
        event = self.event(account_id, event_id)
        delivery = event and self.delivery(webhook_id, event.accepted_at, event_id)
        if not event or not delivery:
            raise NotFound("there is no such delivery")
        return event, delivery

    def deliveries(self, event: StoredEvent, webhook_ids: Sequence[str]) -> list[Delivery]:
        """Returns the event's deliveries to these webhooks, as far as there are any, in no order. 100 take one read."""
        keys = [delivery_key(webhook_id, log_place(event.accepted_at, event.event_id)) for webhook_id in webhook_ids]
        reads = [keys[start : start + 100] for start in range(0, len(keys), 100)]
        found = [batch_get(self._client, {self._name: some})[self._name] for some in reads]
        return [delivery_of(item) for items in found for item in items]

    def save(self, delivery: Delivery) -> Delivery | None:
        """
        Writes the delivery if it is unchanged since it was read. Returns it as written, or None: not if the SDK repeated the
        write, because its answer was lost, and the repeat was refused.
        """
        put: Any = {**self.put(delivery), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            found: dict[str, Any] = dict(refused.response)
            if found.get("Item") != put["Item"]:
                return None
        return replace(delivery, version=delivery.version + 1)

    def put(self, delivery: Delivery) -> PutTypeDef:
        """`save` as an element of a transaction."""
        put: PutTypeDef = {
            "TableName": self._name,
            "Item": delivery_item(replace(delivery, version=delivery.version + 1), self._log_days),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if delivery.version:
            put["ConditionExpression"] = "version = :read"
            put["ExpressionAttributeValues"] = {":read": {"N": str(delivery.version)}}
        return put

    def bodies(self, account_id: str, event_ids: Iterable[str]) -> dict[str, str]:
        """Returns the bodies of at most 100 events, by event id; those that the log has forgotten are left out."""
        keys = [event_key(account_id, event_id) for event_id in event_ids]
        events = [event_of(item) for item in batch_get(self._client, {self._name: keys})[self._name]] if keys else []
        return {event.event_id: event.body for event in events}
