"""Dead-lettered messages that have attempts left, through a fault on our side: sent again, or given up after a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deliver.schedule import Schedule
from deliver.snapshots import Snapshot
from webhooks.deliveries import ATTEMPTS_KEPT, Attempt
from webhooks.delivery_log import DeliveryLog
from webhooks.errors import NotSent
from webhooks.queues import DeliveryQueues
from webhooks.telemetry import count_done
from webhooks.times import now, parse_time, rfc3339

REQUEUED_FOR = timedelta(hours=24)
"""Counted from the start of the round. What could not be attempted by then, through our fault, is given up."""

OUR_FAULT = "not attempted: a fault on our side"

_FLOOR, _CEILING = timedelta(minutes=1), timedelta(hours=2)
"""A requeued message waits for a minute at least, less if the schedule's longest delay is shorter; for two hours at most."""


@dataclass(frozen=True, slots=True)
class Unattempted:
    log: DeliveryLog
    queues: DeliveryQueues
    schedule: Schedule

    def process(self, snapshot: Snapshot) -> bool:
        """False if the log changed after it was read. Raises NotSent."""
        # The later one: a copy from before the event was published again does not end what that began.
        began = parse_time(max(snapshot.message.round_started_at, snapshot.delivery.round_started_at))
        if now() - began >= REQUEUED_FOR:
            return self._give_up(snapshot)
        attempts = snapshot.delivery.attempts
        return self._requeue(snapshot, since=max(began, attempts[-1].ended()) if attempts else began)

    def _requeue(self, snapshot: Snapshot, since: datetime) -> bool:
        """
        Sends the message to the retry queue, because it was not really attempted. It waits for its next attempt, and longer
        the longer no attempt was recorded: a message that our function cannot survive must not cost hundreds of
        invocations. A delivery that the log does not know is shown as pending from then on: whatever becomes of the message,
        it can be retried and recovered.
        """
        if not snapshot.delivery.version and not self.log.save(snapshot.delivery):
            return False
        at = now()
        floor = min(_FLOOR, timedelta(seconds=max(self.schedule.delays)))
        due = at + min(max(at - since, floor), _CEILING)
        if snapshot.delivery.next_attempt_at:
            due = max(due, parse_time(snapshot.delivery.next_attempt_at))
        message = snapshot.passed_on(due)
        if self.queues.send([message]):
            raise NotSent(f"the delivery of {message.event_id} to {message.webhook_id} could not be queued")
        count_done("Requeued", "delivery.requeued", snapshot.delivery)
        return True

    def _give_up(self, snapshot: Snapshot) -> bool:
        """Leaves the webhook alone, and writes the reason into the log: this was our fault."""
        delivery, number = snapshot.delivery, snapshot.recorded() + 1
        at = rfc3339(now())
        entry = Attempt(number, delivery.round, at, duration_ms=0, error=OUR_FAULT, error_code="not_attempted")
        attempts = [*delivery.attempts, entry][-ATTEMPTS_KEPT:]
        if not self.log.save(replace(delivery, status="failed", attempts=attempts, next_attempt_at=None)):
            return False
        count_done("GivenUp", "delivery.given_up", delivery)
        return True
