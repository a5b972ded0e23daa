"""Handles one message: reads the log, makes an attempt if one is due, and writes the log before it answers to the queue."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deliver import sender
from deliver.attempt_metrics import report
from deliver.lanes import LaneMarks
from deliver.recording import Recorder, cancelled
from deliver.schedule import Acknowledge, Cancel, DeadLetter, Move, Post, Schedule, Wait
from deliver.snapshots import Snapshot
from deliver.status_changes import StatusChanges
from deliver.watchdog import AttemptEnded
from webhooks.deliveries import Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.tables import erasures
from webhooks.telemetry import count, log_delivery
from webhooks.times import now, parse_time


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
    recorder: Recorder

    def handle(self, snapshot: Snapshot) -> Outcome:
        """Applies the schedule's decision. Raises faults on our side; then nothing was charged to the endpoint."""
        posted = False
        while True:
            decision = self.schedule.decide(snapshot, now())
            match decision:
                case Acknowledge():
                    self._finish(snapshot)
                    return Outcome(snapshot)
                case DeadLetter():
                    return Outcome(snapshot, moved=snapshot.dead_letter())
                case Wait():
                    return Outcome(snapshot, visible_at=decision.due)
                case Move():
                    return Outcome(snapshot, moved=snapshot.passed_on(decision.due))
                case Post() if posted:
                    return Outcome(snapshot, visible_at=now() + timedelta(seconds=1))
                case Cancel():
                    written = self._cancel(snapshot)
                case Post():
                    _wait_until(decision.due)
                    written = self._attempt(snapshot, decision.webhook)
                    posted = True
            if written:
                return written
            snapshot = self.recorder.read_again(snapshot)

    def copy_visible_at(self, copy: DeliveryMessage, snapshot: Snapshot) -> datetime | None:
        """When another copy of a message just handled comes back; None acknowledges it. It never POSTs in this batch."""
        match self.schedule.decide(Snapshot.of(copy, snapshot.webhook, snapshot.delivery), now()):
            case Acknowledge():
                return None
            case Move(due=due) | Post(due=due) | Wait(due=due) if due:
                return due
            case _:
                return now() + timedelta(seconds=1)

    def _cancel(self, snapshot: Snapshot) -> Outcome | None:
        """None when another copy of the message wrote the log in the meantime. The log of an erased account stays empty."""
        if snapshot.webhook is None and erasures().forget(snapshot.message):
            saved: Delivery | None = cancelled(snapshot.delivery)
        else:
            saved = self.log.save(cancelled(snapshot.delivery))
        if not saved:
            return None
        count("Cancelled")
        log_delivery("delivery.cancelled", snapshot.message)
        return Outcome(replace(snapshot, delivery=saved))

    def _attempt(self, snapshot: Snapshot, webhook: Webhook) -> Outcome | None:
        """
        One POST and its record; None when another copy of the message wrote the log in the meantime.

        A POST that `lanes` ended has no record. It is made again, unless the endpoint is prompt or the log moves by then.
        """
        try:
            with self.lanes.attempting(webhook):
                attempt = sender.post(webhook, snapshot.message, number=snapshot.recorded() + 1)
        except AttemptEnded:
            count("EndedEarly")
            log_delivery("delivery.ended_early", snapshot.message)
            return Outcome(snapshot, moved=snapshot.passed_on(None))
        report(snapshot.message, webhook, attempt)
        recorded = self.recorder.record(snapshot, attempt, webhook)
        self.lanes.mark_after(webhook, attempt, snapshot.message.event_id)
        if recorded is None:
            count("DuplicatePost")
            return None
        self._finish(recorded)
        return self._after(recorded, attempt)

    def _finish(self, snapshot: Snapshot) -> None:
        """What a 200 or a 410 means for the webhook. Repeated if it fails, or if a crash comes before it."""
        self.status.mark_recovered_if_due(snapshot.webhook, snapshot.delivery)
        self.status.emit_gone_if_due(snapshot.webhook, snapshot.delivery)

    def _after(self, snapshot: Snapshot, attempt: Attempt) -> Outcome:
        """Returns what becomes of the message after a recorded attempt."""
        delivery, message = snapshot.delivery, snapshot.message
        if delivery.is_final():
            return Outcome(snapshot)
        if delivery.next_attempt_at is None:
            return Outcome(snapshot, moved=snapshot.dead_letter())
        due = parse_time(delivery.next_attempt_at)
        if self.schedule.moves_after(message, attempt):
            return Outcome(snapshot, moved=message.successor(delivery.message_id, due))
        return Outcome(snapshot, visible_at=due)


def _wait_until(due: datetime | None) -> None:
    """Waits at most the second by which a message may come back too soon: an attempt is never early."""
    if due:
        time.sleep(max((due - now()).total_seconds(), 0))
