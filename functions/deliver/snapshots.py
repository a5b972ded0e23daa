"""What the tables say about a batch of messages, in one consistent read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from webhooks.batches import batch_get
from webhooks.deliveries import Delivery
from webhooks.item_keys import delivery_key, webhook_key
from webhooks.items import delivery_of, webhook_of
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A message, its webhook (None when deleted), and its delivery: as logged, or in the round that the message begins."""

    message: DeliveryMessage
    webhook: Webhook | None
    delivery: Delivery

    @classmethod
    def of(cls, message: DeliveryMessage, webhook: Webhook | None, logged: Delivery | None) -> Snapshot:
        """`logged` is None for a delivery that is not in the log yet."""
        return cls(message, webhook, _in_round(message, logged))

    def is_settled(self) -> bool:
        """The message has nothing left to do: its round is final, or a later one has begun."""
        return self.message.round < self.delivery.round or self.delivery.is_final()

    def is_copy(self) -> bool:
        """Whether the log expects the next attempt of another message."""
        return self.delivery.message_id not in (None, self.message.id, self.message.takes_over)

    def passed_on(self, due: datetime | None) -> DeliveryMessage:
        """Returns the message for the retry queue. It makes the next attempt if this message would have made it."""
        return self.message.successor(self._takes_over(), due)

    def dead_letter(self) -> DeliveryMessage:
        """Returns the message for the dead-letter queue."""
        return self.message.dead_letter(self._takes_over())

    def _takes_over(self) -> str | None:
        return None if self.is_copy() else self.delivery.message_id

    def recorded(self) -> int:
        """How many attempts of the message's round are in the log."""
        return self.delivery.attempts_in(self.message.round)


def read_snapshots(
    client: DynamoDBClient, config_table: str, log_table: str, messages: Sequence[DeliveryMessage]
) -> dict[DeliveryMessage, Snapshot]:
    """One BatchGetItem for the distinct webhooks and deliveries; what it leaves unprocessed is asked for again."""
    webhook_keys = {m.webhook_id: webhook_key(m.account_id, m.webhook_id) for m in messages}
    delivery_keys = {m.key(): delivery_key(*m.key()) for m in messages}
    items = batch_get(client, {config_table: list(webhook_keys.values()), log_table: list(delivery_keys.values())})
    # Keyed by account too: a message can only ever reach a webhook of the account that it names.
    webhooks = {(w.account_id, w.id): w for w in map(webhook_of, items[config_table])}
    deliveries = {(d.webhook_id, d.sort_key()): d for d in map(delivery_of, items[log_table])}
    return {m: Snapshot.of(m, webhooks.get((m.account_id, m.webhook_id)), deliveries.get(m.key())) for m in messages}


def read_snapshot(client: DynamoDBClient, config_table: str, log_table: str, message: DeliveryMessage) -> Snapshot:
    return read_snapshots(client, config_table, log_table, [message])[message]


def _in_round(message: DeliveryMessage, logged: Delivery | None) -> Delivery:
    if logged is None:
        return Delivery(
            webhook_id=message.webhook_id,
            account_id=message.account_id,
            event_id=message.event_id,
            event=message.event,
            accepted_at=message.accepted_at,
            status="pending",
            round=message.round,
            round_started_at=message.round_started_at,
            test=message.test,
        )
    if logged.round < message.round:
        return logged.in_round(message.round, message.round_started_at)
    return logged
