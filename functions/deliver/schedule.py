"""When to POST, and what a result means: decisions only, without a clock or the network.

With the default delays 10, 60, 300 s, counted from the end of the failed attempt:

| recorded in the round | next                                  |
|-----------------------|---------------------------------------|
| 0                     | POST at once                          |
| 1                     | 10 s after the first failure          |
| 2                     | 60 s after the second                 |
| 3                     | 300 s after the third                 |
| 4                     | none: on to the dead-letter queue      |

An endpoint that asks for a longer wait gets it, up to 15 minutes after the failure (`deliver.retry_after`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deliver.snapshots import Snapshot
from webhooks.deliveries import ATTEMPTS_KEPT, Attempt, Delivery
from webhooks.messages import COPY_DELAY_SECONDS, MAX_DELAY_SECONDS, DeliveryMessage
from webhooks.models import Webhook
from webhooks.times import parse_time, rfc3339

ATTEMPT_SECONDS = 5.0
"""Wall clock, from the look-up of the name to the end of the response headers."""

_MILLISECOND = timedelta(milliseconds=1)
_COPY_SLACK = timedelta(seconds=COPY_DELAY_SECONDS)
_LONGEST_DELAY = timedelta(seconds=MAX_DELAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The webhook is deleted or disabled."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The message goes to the dead-letter queue: all attempts are recorded."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The message stays on its queue until it is due."""

    due: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A new message takes its place on the retry queue, delayed for as long as SQS can; None is due at once."""

    due: datetime | None


@dataclass(frozen=True, slots=True)
class Post:
    """The message is sent to the webhook, not before it is due, which is within a second; None is at once."""

    webhook: Webhook
    due: datetime | None


Decision = Acknowledge | Cancel | DeadLetter | Wait | Move | Post


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

    def decide(self, snapshot: Snapshot, at: datetime) -> Decision:
        """What is to be done with the message `at` this time."""
        message, webhook = snapshot.message, snapshot.webhook
        if snapshot.is_settled():
            return Acknowledge()
        if webhook is None or webhook.status == "disabled":
            return Cancel()
        if self.is_exhausted(snapshot):
            return DeadLetter()
        early_copy = _is_early_copy(snapshot, at)
        due = _due(snapshot, early_copy=early_copy)
        if message.queue == "delivery" and (due or webhook.lane == "retry"):
            return Move(due)
        if due and due - at > _LONGEST_DELAY:
            # What waits here is in flight. After an outage of ours, everything might wait for hours.
            return Move(due)
        if due and (early_copy or due - at > timedelta(seconds=1)):
            return Wait(due)
        return Post(webhook, due)

    def is_exhausted(self, snapshot: Snapshot) -> bool:
        """Whether all attempts of the round are recorded."""
        return snapshot.recorded() >= self.attempts

    def after(self, snapshot: Snapshot, attempt: Attempt) -> Delivery:
        """
        The delivery with one more attempt: delivered, or due again, or out of attempts. Its `message_id` is that of the
        message that makes the next one.
        """
        message = snapshot.message
        message_id = message.successor_id() if self._moves_after(message, attempt) else message.id
        delivery = replace(snapshot.delivery, message_id=message_id)
        attempts = [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]
        if attempt.error is None:
            return replace(delivery, status="delivered", attempts=attempts, next_attempt_at=None)
        due = None
        if attempt.number < self.attempts:
            # Rounded up to the millisecond that the log can hold: a retry is never early.
            delay = max(self.delays[attempt.number - 1], attempt.retry_after or 0)
            due = rfc3339(attempt.ended() + timedelta(seconds=delay) + _MILLISECOND)
        return replace(delivery, status="retrying", attempts=attempts, next_attempt_at=due)

    def _moves_after(self, message: DeliveryMessage, attempt: Attempt) -> bool:
        """
        Whether a new message on the retry queue makes the attempt after this failed one: after those on the delivery queue,
        and when the endpoint asked for a longer wait than the schedule's. The new message waits as a delayed one. If this
        one waited, it would be in flight, and an endpoint could make the limit of those in flight seven times as tight.
        """
        if message.queue == "delivery":
            return True
        return attempt.number < self.attempts and (attempt.retry_after or 0) > self.delays[attempt.number - 1]


def _is_early_copy(snapshot: Snapshot, at: datetime) -> bool:
    """Whether another message makes the next attempt, which is not over and in the log yet `at` this time."""
    expected = snapshot.delivery.next_attempt_at
    return expected is not None and snapshot.is_copy() and at < parse_time(expected) + _COPY_SLACK


def _due(snapshot: Snapshot, *, early_copy: bool) -> datetime | None:
    """
    Returns when the message may make an attempt; None is at once. An early copy comes back after the attempt of the other
    message, so that two copies never POST at the same moment.
    """
    times = [parse_time(time) for time in (snapshot.delivery.next_attempt_at, snapshot.message.not_before) if time]
    if early_copy:
        times[0] += _COPY_SLACK
    return max(times, default=None)
