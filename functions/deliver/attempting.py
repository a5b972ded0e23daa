"""What becomes of one message: the log is asked, an attempt made if one is due, and the log told before the queue is."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliver import failures, health, sender
from deliver.schedule import Act, Schedule, in_round, is_settled
from deliver.standing import Standing
from webhooks import signals
from webhooks.log_table import LogTable
from webhooks.messages import DeliveryMessage
from webhooks.models import Attempt, Delivery, now, parse_time
from webhooks.telemetry import metrics, tell

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient


@dataclass(frozen=True, slots=True)
class Outcome:
    """`back_at`: when the queue shall show the message again; None acknowledges it. `standing`: what the log now says."""

    back_at: datetime | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Desk:
    """What an attempt needs besides the message."""

    dynamodb: DynamoDBClient
    events: EventBridgeClient
    config_table: str
    bus: str
    log: LogTable
    schedule: Schedule

    def handle(self, message: DeliveryMessage, standing: Standing) -> Outcome:
        """Applies the schedule's decision. Raises what our side failed at; then nothing was charged to the endpoint."""
        posted = False
        while True:
            decision = self.schedule.decide(message, standing.delivery, standing.webhook, now())
            match decision.act:
                case Act.ACKNOWLEDGE:
                    self.recover(standing)
                    return Outcome(None, standing)
                case Act.EXHAUSTED:
                    return Outcome(now(), standing)
                case Act.WAIT:
                    return Outcome(decision.due, standing)
                case Act.POST if posted:
                    return Outcome(now() + timedelta(seconds=1), standing)
                case Act.CANCEL:
                    written = self._cancel(message, standing)
                case Act.POST:
                    _wait_until(decision.due)
                    written = self._attempt(message, standing)
                    posted = True
            if written:
                return written
            standing = Standing(standing.webhook, self.log.delivery(*_log_key(message)))

    def copy_back_at(self, message: DeliveryMessage, standing: Standing) -> datetime | None:
        """When another copy of a message just handled comes back; None acknowledges it. It never POSTs in this batch."""
        decision = self.schedule.decide(message, standing.delivery, standing.webhook, now())
        if decision.act is Act.ACKNOWLEDGE:
            return None
        return decision.due or now() + timedelta(seconds=1)

    def _cancel(self, message: DeliveryMessage, standing: Standing) -> Outcome | None:
        delivery = in_round(message, standing.delivery)
        saved = self.log.save(replace(delivery, status="cancelled", next_attempt_at=None))
        if saved:
            metrics.add_metric("Cancelled", "Count", 1)
            tell("delivery.cancelled", message)
        return Outcome(None, Standing(standing.webhook, saved)) if saved else None

    def _attempt(self, message: DeliveryMessage, standing: Standing) -> Outcome | None:
        """One POST and its record; None when another copy of the message wrote the log in the meantime."""
        webhook = standing.webhook
        assert webhook is not None
        number = in_round(message, standing.delivery).attempts_in(message.round) + 1
        attempt = sender.post(webhook, message, number=number)
        _report(message, attempt)
        saved = self._record(message, standing.delivery, attempt)
        if saved is None:
            metrics.add_metric("DuplicatePost", "Count", 1)
            return None
        standing = Standing(webhook, saved)
        self.recover(standing)
        return Outcome(_back_at(saved.next_attempt_at, saved.is_final()), standing)

    def _record(self, message: DeliveryMessage, delivery: Delivery | None, attempt: Attempt) -> Delivery | None:
        """
        What was written; None when another copy of the message recorded an attempt in the meantime.

        A log that has moved without one, as when a person's retry is marked while its message is attempted already,
        takes the attempt all the same: to attempt it once more would be a second POST of a first success.
        """
        try:
            saved = self.log.save(self.schedule.after(message, delivery, attempt))
            while saved is None:
                delivery = self.log.delivery(*_log_key(message))
                if not _is_next(message, delivery, attempt):
                    return None
                saved = self.log.save(self.schedule.after(message, delivery, attempt))
        except Exception:
            metrics.add_metric("DuplicatePostPossible", "Count", 1)
            raise
        return saved

    def recover(self, standing: Standing) -> None:
        """
        Makes a failing webhook active if the log has a 200 since. Should that fail, or a crash come before it, the
        message comes back, and as it has nothing else left to do, it is tried again then.
        """
        webhook = standing.webhook
        if not webhook or not health.has_recovered(webhook, standing.delivery):
            return
        # Told before it is marked: a crash in between repeats the telling, with the same ids, and loses nothing. That
        # it was failing is told again, because a crash may have come between its marking and the telling.
        signals.tell(self.events, self.bus, "webhook.failing", webhook)
        signals.tell(self.events, self.bus, "webhook.recovered", webhook)
        health.mark_recovered(self.dynamodb, self.config_table, webhook)


def _back_at(next_attempt_at: str | None, final: bool) -> datetime | None:
    """Out of attempts means at once: the next receive moves the message to the dead-letter queue."""
    if final:
        return None
    return parse_time(next_attempt_at) if next_attempt_at else now()


def _is_next(message: DeliveryMessage, delivery: Delivery | None, attempt: Attempt) -> bool:
    if delivery and is_settled(message, delivery):
        return False
    return in_round(message, delivery).attempts_in(message.round) == attempt.number - 1


def _wait_until(due: datetime | None) -> None:
    """At most the second by which a message may come back too soon: an attempt is never early."""
    if due:
        time.sleep(max((due - now()).total_seconds(), 0))


def _log_key(message: DeliveryMessage) -> tuple[str, str, str]:
    return message.webhook_id, message.accepted_at, message.event_id


def _report(message: DeliveryMessage, attempt: Attempt) -> None:
    """Latency is from publishing to the endpoint's 200, and of first rounds alone: a retry by hand waited for a person."""
    if attempt.error is not None:
        metrics.add_metric(f"Failed{failures.cause(attempt.error)}", "Count", 1)
    else:
        metrics.add_metric("Delivered", "Count", 1)
        if message.round == 1:
            took = attempt.ended() - parse_time(message.accepted_at)
            metrics.add_metric("DeliveryLatency", "Milliseconds", took.total_seconds() * 1000)
    tell(
        "delivery.attempted",
        message,
        number=attempt.number,
        status_code=attempt.status_code,
        duration_ms=attempt.duration_ms,
        error=attempt.error,
    )
