"""When to POST, and what a result means: decisions only, no clock, no network.

With the default delays 10, 60, 300 s, counted from the end of the failed attempt:

| recorded in the round | next                                  |
|-----------------------|---------------------------------------|
| 0                     | POST at once                          |
| 1                     | 10 s after the first failure          |
| 2                     | 60 s after the second                 |
| 3                     | 300 s after the third                 |
| 4                     | no more: the dead-letter queue judges |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from webhooks.messages import COPY_DELAY_SECONDS, DeliveryMessage
from webhooks.models import ATTEMPTS_KEPT, Attempt, Delivery, Webhook, parse_time, rfc3339

ATTEMPT_SECONDS = 5.0
"""Wall clock, from the look-up of the name to the end of the response headers."""

_MILLISECOND = timedelta(milliseconds=1)
_COPY_SLACK = timedelta(seconds=COPY_DELAY_SECONDS)


class Act(Enum):
    ACKNOWLEDGE = "acknowledge"
    CANCEL = "cancel"
    EXHAUSTED = "exhausted"
    WAIT = "wait"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Decision:
    """`due`: when to come back (WAIT) or not to POST before (POST); None is at once."""

    act: Act
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """`delays` in seconds: one retry each."""

    delays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        return cls(tuple(int(delay) for delay in text.split(",")))

    @property
    def attempts(self) -> int:
        return len(self.delays) + 1

    def decide(
        self, message: DeliveryMessage, delivery: Delivery | None, webhook: Webhook | None, at: datetime
    ) -> Decision:
        """What the log and the message say is to be done now."""
        if delivery and is_settled(message, delivery):
            return Decision(Act.ACKNOWLEDGE)
        if webhook is None or webhook.status == "disabled":
            return Decision(Act.CANCEL)
        if delivery is None or delivery.round < message.round:
            return Decision(Act.POST)
        if delivery.attempts_in(message.round) >= self.attempts:
            return Decision(Act.EXHAUSTED)
        if delivery.next_attempt_at is None:
            return Decision(Act.POST)
        due = parse_time(delivery.next_attempt_at)
        if delivery.message_id and message.id != delivery.message_id and at < due + _COPY_SLACK:
            # The message that made the last attempt comes back when the next is due. This is a copy of it, and comes
            # back once that attempt is over, so that two copies never POST at the same moment.
            return Decision(Act.WAIT, due + _COPY_SLACK)
        if due - at > timedelta(seconds=1):
            return Decision(Act.WAIT, due)
        return Decision(Act.POST, due)

    def after(self, message: DeliveryMessage, delivery: Delivery | None, attempt: Attempt) -> Delivery:
        """The delivery with one more attempt: delivered, or due again, or out of attempts."""
        delivery = replace(in_round(message, delivery), message_id=message.id)
        attempts = [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]
        if attempt.error is None:
            return replace(delivery, status="delivered", attempts=attempts, next_attempt_at=None)
        due = None
        if attempt.number < self.attempts:
            # Rounded up to the millisecond that the log can hold: a retry is never early.
            delay = timedelta(seconds=self.delays[attempt.number - 1])
            due = rfc3339(attempt.ended() + delay + _MILLISECOND)
        return replace(delivery, status="retrying", attempts=attempts, next_attempt_at=due)


def is_settled(message: DeliveryMessage, delivery: Delivery) -> bool:
    """The message has nothing left to do: its round is final, or a later one has begun."""
    return message.round < delivery.round or (message.round == delivery.round and delivery.is_final())


def in_round(message: DeliveryMessage, delivery: Delivery | None) -> Delivery:
    """The delivery as it stands in the message's round: as logged, new, or with a new round begun."""
    if delivery is None:
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
    if delivery.round < message.round:
        return replace(
            delivery,
            status="pending",
            round=message.round,
            round_started_at=message.round_started_at,
            next_attempt_at=None,
        )
    return delivery
