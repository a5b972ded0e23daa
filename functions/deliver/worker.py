"""Handles one message: makes an attempt if one is due, and writes the log before it answers to the queue."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliver import sender
from deliver.attempt_metrics import report
from deliver.lanes import LaneMarks
from deliver.recording import Recorder
from deliver.schedule import Acknowledge, Cancel, DeadLetter, Move, Post, Schedule, Wait
from deliver.snapshots import Snapshot
from deliver.status_changes import StatusChanges
from deliver.watchdog import AttemptEnded
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.telemetry import count, count_done, log_delivery
from webhooks.times import now, parse_time


@dataclass(frozen=True, slots=True)
class Handling:
    """
    `visible_at`: when the message becomes visible again; None acknowledges it, once `moved` is on its queue, if there is
    one. `snapshot`: what the log now says.
    """

    snapshot: Snapshot
    visible_at: datetime | None = None
    moved: DeliveryMessage | None = None


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    status: StatusChanges
    schedule: Schedule
    lanes: LaneMarks
    recorder: Recorder

    def handle(self, snapshot: Snapshot) -> Handling:
        """Applies the schedule's decision. Raises faults on our side; then nothing was charged to the endpoint."""
        posted = False
        while True:
            decision = self.schedule.decide(snapshot, now())
            match decision:
                case Acknowledge():
                    self.status.finish(snapshot.webhook, snapshot.delivery)
                    return Handling(snapshot)
                case DeadLetter():
                    return Handling(snapshot, moved=snapshot.dead_letter())
                case Wait():
                    return Handling(snapshot, visible_at=decision.due)
                case Move():
                    return Handling(snapshot, moved=snapshot.passed_on(decision.due))
                case Post() if posted:
                    return Handling(snapshot, visible_at=now() + timedelta(seconds=1))
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
        match self.schedule.decide(Snapshot(copy, snapshot.webhook, snapshot.delivery), now()):
            case Acknowledge():
                return None
            case Move(due=due) | Post(due=due) | Wait(due=due) if due:
                return due
            case _:
                return now() + timedelta(seconds=1)

    def _cancel(self, snapshot: Snapshot) -> Handling | None:
        """None when another copy of the message wrote the log in the meantime."""
        cancelled = self.recorder.cancel(snapshot)
        if cancelled is None:
            return None
        count_done("Cancelled", "delivery.cancelled", cancelled.delivery)
        return Handling(cancelled)

    def _attempt(self, snapshot: Snapshot, webhook: Webhook) -> Handling | None:
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
            return Handling(snapshot, moved=snapshot.passed_on(None))
        report(snapshot.message, webhook, attempt)
        recorded = self.recorder.record(snapshot, attempt, webhook)
        self.lanes.mark_after(webhook, attempt, snapshot.message.event_id)
        if recorded is None:
            count("DuplicatePost")
            return None
        self.status.finish(recorded.webhook, recorded.delivery)
        return _after(recorded)


def _after(snapshot: Snapshot) -> Handling:
    """Returns what becomes of the message after a recorded attempt."""
    delivery, message = snapshot.delivery, snapshot.message
    if delivery.is_final():
        return Handling(snapshot)
    if delivery.next_attempt_at is None:
        return Handling(snapshot, moved=snapshot.dead_letter())
    due = parse_time(delivery.next_attempt_at)
    if delivery.message_id != message.id:  # a new message makes the next attempt
        return Handling(snapshot, moved=message.successor(delivery.message_id, due))
    return Handling(snapshot, visible_at=due)


def _wait_until(due: datetime | None) -> None:
    """Waits at most the second by which a message may come back too soon: an attempt is never early."""
    if due:
        time.sleep(max((due - now()).total_seconds(), 0))
