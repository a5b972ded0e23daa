"""Handles one message: reads the log, makes an attempt if one is due, and writes the log before it answers to the queue."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deliver import failures, sender
from deliver.lanes import LaneMarks
from deliver.schedule import Action, Schedule
from deliver.service_level import count_first_attempt
from deliver.snapshots import Snapshot, read_snapshots
from deliver.status_changes import StatusChanges
from deliver.watchdog import AttemptEnded
from webhooks.clients import client
from webhooks.deliveries import Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.tables import erasures
from webhooks.telemetry import ATTEMPTED, count, log_delivery, observe
from webhooks.times import now, parse_time, rfc3339


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    `visible_at`: when the message becomes visible again; None acknowledges it, once `moved` is on its queue, if there is
    one. `snapshot`: what the log now says.
    """

    snapshot: Snapshot
    visible_at: datetime | None = None
    moved: DeliveryMessage | None = None


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    log: DeliveryLog
    status: StatusChanges
    schedule: Schedule
    lanes: LaneMarks

    def handle(self, snapshot: Snapshot) -> Outcome:
        """Applies the schedule's decision. Raises faults on our side; then nothing was charged to the endpoint."""
        posted = False
        while True:
            decision = self.schedule.decide(snapshot, now())
            match decision.action:
                case Action.ACKNOWLEDGE:
                    self._finish(snapshot)
                    return Outcome(snapshot)
                case Action.DEAD_LETTER:
                    return Outcome(snapshot, moved=snapshot.dead_letter())
                case Action.WAIT:
                    return Outcome(snapshot, visible_at=decision.due)
                case Action.MOVE:
                    return Outcome(snapshot, moved=snapshot.passed_on(decision.due))
                case Action.POST if posted:
                    return Outcome(snapshot, visible_at=now() + timedelta(seconds=1))
                case Action.CANCEL:
                    written = self._cancel(snapshot)
                case Action.POST:
                    _wait_until(decision.due)
                    written = self._attempt(snapshot)
                    posted = True
            if written:
                return written
            snapshot = self._read_again(snapshot)

    def copy_visible_at(self, copy: DeliveryMessage, snapshot: Snapshot) -> datetime | None:
        """When another copy of a message just handled comes back; None acknowledges it. It never POSTs in this batch."""
        decision = self.schedule.decide(Snapshot.of(copy, snapshot.webhook, snapshot.delivery), now())
        if decision.action is Action.ACKNOWLEDGE:
            return None
        return decision.due or now() + timedelta(seconds=1)

    def _cancel(self, snapshot: Snapshot) -> Outcome | None:
        """None when another copy of the message wrote the log in the meantime. The log of an erased account stays empty."""
        if snapshot.webhook is None and erasures().forget(snapshot.message):
            saved: Delivery | None = _cancelled(snapshot.delivery)
        else:
            saved = self.log.save(_cancelled(snapshot.delivery))
        if not saved:
            return None
        count("Cancelled")
        log_delivery("delivery.cancelled", snapshot.message)
        return Outcome(replace(snapshot, delivery=saved))

    def _attempt(self, snapshot: Snapshot) -> Outcome | None:
        """
        One POST and its record; None when another copy of the message wrote the log in the meantime.

        A POST that `lanes` ended has no record. It is made again, unless the endpoint is prompt or the log moves by then.
        """
        assert snapshot.webhook is not None
        try:
            with self.lanes.attempting(snapshot.webhook):
                attempt = sender.post(snapshot.webhook, snapshot.message, number=snapshot.recorded() + 1)
        except AttemptEnded:
            count("EndedEarly")
            log_delivery("delivery.ended_early", snapshot.message)
            return Outcome(snapshot, moved=snapshot.passed_on(None))
        _report(snapshot, attempt)
        recorded = self._record(snapshot, attempt)
        self.lanes.mark_after(snapshot.webhook, attempt, snapshot.message.event_id)
        if recorded is None:
            count("DuplicatePost")
            return None
        self._finish(recorded)
        return self._after(recorded, attempt)

    def _finish(self, snapshot: Snapshot) -> None:
        """What a 200 or a 410 means for the webhook. Repeated if it fails, or if a crash comes before it."""
        self.status.mark_recovered_if_due(snapshot.webhook, snapshot.delivery)
        self.status.emit_gone_if_due(snapshot.webhook, snapshot.delivery)

    def _record(self, snapshot: Snapshot, attempt: Attempt) -> Snapshot | None:
        """
        What is stored afterwards; None when another copy of the message recorded an attempt in the meantime.

        A log that has moved without one, as when a person's retry is marked while its message is attempted already,
        takes the attempt all the same: to attempt it once more would be a second POST of a first success.
        """
        attempted = snapshot.webhook
        assert attempted is not None
        try:
            recorded = self._save(snapshot, attempt, attempted)
            while recorded is None:
                snapshot = self._read_again(snapshot)
                if snapshot.is_settled() or snapshot.recorded() != attempt.number - 1:
                    return None
                recorded = self._save(snapshot, attempt, attempted)
        except Exception:
            count("DuplicatePostPossible")
            raise
        return recorded

    def _save(self, snapshot: Snapshot, attempt: Attempt, attempted: Webhook) -> Snapshot | None:
        """
        What was written; None when the log, or after a 410 the webhook, has changed since the snapshot.

        A 410 is about the webhook as it was `attempted`. If a person has edited it since and it is not disabled, it is a
        failure like others, and the next attempt shows what the endpoint says now.
        """
        after, webhook = self.schedule.after(snapshot, attempt), snapshot.webhook
        if attempt.says_gone():
            if webhook is None or webhook.status == "disabled":
                after = _cancelled(after)
            elif webhook.version == attempted.version:
                return self._save_gone(snapshot, _cancelled(after), webhook)
        saved = self.log.save(after)
        return replace(snapshot, delivery=saved) if saved else None

    def _save_gone(self, snapshot: Snapshot, delivery: Delivery, webhook: Webhook) -> Snapshot | None:
        """Disables the webhook in the same transaction."""
        gone = webhook.ended_by(delivery, rfc3339(now()))
        if not self.status.marks.mark_gone(gone, together_with=self.log.put(delivery)):
            return None
        log_delivery("webhook.disabled", delivery)
        return replace(snapshot, webhook=gone, delivery=replace(delivery, version=delivery.version + 1))

    def _after(self, snapshot: Snapshot, attempt: Attempt) -> Outcome:
        """Of a recorded attempt."""
        delivery, message = snapshot.delivery, snapshot.message
        if delivery.is_final():
            return Outcome(snapshot)
        if delivery.next_attempt_at is None:
            return Outcome(snapshot, moved=snapshot.dead_letter())
        due = parse_time(delivery.next_attempt_at)
        if self.schedule.moves_after(message, attempt):
            return Outcome(snapshot, moved=message.successor(delivery.message_id, due))
        return Outcome(snapshot, visible_at=due)

    def _read_again(self, snapshot: Snapshot) -> Snapshot:
        message = snapshot.message
        return read_snapshots(client("dynamodb"), self.status.marks.name, self.log.name, [message])[message]


def _cancelled(delivery: Delivery) -> Delivery:
    return replace(delivery, status="cancelled", next_attempt_at=None)


def _wait_until(due: datetime | None) -> None:
    """Waits at most the second by which a message may come back too soon: an attempt is never early."""
    if due:
        time.sleep(max((due - now()).total_seconds(), 0))


def _report(snapshot: Snapshot, attempt: Attempt) -> None:
    """
    Latency is from publishing to the endpoint's 200, and of first rounds alone: a retry by hand waited for a person, and
    what has a pace may have waited for its moment.
    """
    message, paced = snapshot.message, snapshot.webhook and snapshot.webhook.max_per_second
    if not paced:
        count_first_attempt(message, attempt)
    count("DeliveryLaneAttempts" if message.lane == "delivery" else "RetryLaneAttempts")
    if attempt.error_code:
        count(f"Failed{failures.METRICS.get(attempt.error_code, 'Connection')}")
    else:
        count("Delivered")
        if message.round == 1 and not paced:
            took = attempt.ended() - parse_time(message.accepted_at)
            observe("DeliveryLatency", took.total_seconds() * 1000)
    log_delivery(
        ATTEMPTED,
        message,
        lane=message.lane,
        number=attempt.number,
        status_code=attempt.status_code,
        error_code=attempt.error_code,
        retry_after=attempt.retry_after,
        ms=attempt.duration_ms,
    )
