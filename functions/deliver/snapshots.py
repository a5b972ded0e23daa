"""What the tables say about a batch of messages, in one consistent read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webhooks.deliveries import Delivery
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.tables import delivery_states


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


def read_snapshots(messages: Sequence[DeliveryMessage]) -> dict[DeliveryMessage, Snapshot]:
    """One consistent read for all of them."""
    return {
        message: Snapshot.of(message, webhook, logged) for message, webhook, logged in delivery_states().read(messages)
    }


def read_snapshot(message: DeliveryMessage) -> Snapshot:
    return read_snapshots([message])[message]


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
