"""Handles dead-lettered messages. The delivery log decides the outcome."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from deliver.schedule import Schedule
from deliver.snapshots import Snapshot, read_snapshots
from deliver.status_changes import StatusChanges, status_changes
from webhooks.clients import client
from webhooks.deliveries import ATTEMPTS_KEPT, Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.messages import DeliveryMessage, from_record
from webhooks.queues import DeliveryQueues, delivery_queues
from webhooks.tables import delivery_log, erasures, webhook_marks
from webhooks.telemetry import count, flush, log_delivery, logger
from webhooks.times import now, parse_time, rfc3339
from webhooks.webhook_marks import WebhookMarks

REQUEUED_FOR = timedelta(hours=24)
"""From the start of the round. What could not be attempted by then, through our fault, is given up."""

OUR_FAULT = "not attempted: a fault on our side"

_FLOOR, _CEILING = timedelta(minutes=1), timedelta(hours=2)
"""A requeued message waits for a minute at least, less if the schedule's longest delay is shorter; for two hours at most."""

_TRIES = 5


class RequeueFailed(Exception):
    """SQS refused the message twice."""


class KeepsChanging(Exception):
    """The log or the webhook changed at every try: the queue brings the message back."""


def lambda_handler(sqs_event: dict[str, Any], context: object) -> dict[str, Any]:
    """A partial batch response. What cannot be read or handled stays in the dead-letter queue, where an alarm sees it."""
    try:
        failures = [record["messageId"] for record in sqs_event["Records"] if not _handled(record)]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failures]}
    finally:
        flush()


def _handled(record: dict[str, Any]) -> bool:
    try:
        dead_letters().process_dead_letter(from_record(record, lane="retry"))
    except Exception:
        logger.exception("dead_letter.unhandled", message_id=record["messageId"])
        return False
    return True


@dataclass(frozen=True, slots=True)
class DeadLetters:
    marks: WebhookMarks
    log: DeliveryLog
    status: StatusChanges
    schedule: Schedule
    queues: DeliveryQueues

    def process_dead_letter(self, message: DeliveryMessage) -> None:
        """Begins again when the log or the webhook changed after it was read. Raises KeepsChanging, RequeueFailed."""
        for _ in range(_TRIES):
            snapshot = read_snapshots(client("dynamodb"), self.marks.name, self.log.name, [message])[message]
            if snapshot.is_settled():
                return self._finish_interrupted(snapshot)
            if snapshot.webhook is None and erasures().forget(message):
                return _count("Cancelled", "delivery.cancelled", snapshot.delivery)
            if self._process(snapshot):
                return
        raise KeepsChanging(f"delivery of {message.event_id} to {message.webhook_id}")

    def _process(self, snapshot: Snapshot) -> bool:
        """False if the log or the webhook changed after it was read."""
        if snapshot.recorded() >= self.schedule.attempts:
            return self._fail(snapshot)
        # The later one: a copy from before the event was published again does not end what that began.
        began = parse_time(max(snapshot.message.round_started_at, snapshot.delivery.round_started_at))
        if now() - began >= REQUEUED_FOR:
            return self._give_up(snapshot.delivery)
        attempts = snapshot.delivery.attempts
        return self._requeue(snapshot, since=max(began, attempts[-1].ended()) if attempts else began)

    def _fail(self, snapshot: Snapshot) -> bool:
        failed = replace(snapshot.delivery, status="failed", next_attempt_at=None)
        webhook = snapshot.webhook
        if webhook is None or webhook.status != "active":
            if not self.log.save(failed):
                return False
            _count("Exhausted", "delivery.failed", failed)
            return True
        failing = webhook.failed_by(failed, rfc3339(now()))
        if not self.marks.mark_failing(failing, together_with=self.log.put(failed)):
            return False
        _count("Exhausted", "delivery.failed", failed)
        log_delivery("webhook.failing", failed, failing_code=failing.failing_code)
        self.status.emit_failing(failing)
        self.status.begin_catch_up(failing, failed)
        return True

    def _finish_interrupted(self, snapshot: Snapshot) -> None:
        """Does what a crash may have prevented: emitting the event of a webhook that was marked, or its recovery."""
        webhook = snapshot.webhook
        if webhook and webhook.status == "failing" and webhook.failing_event_id == snapshot.message.event_id:
            self.status.emit_failing(webhook)
            self.status.begin_catch_up(webhook, snapshot.delivery)
        self.status.mark_recovered_if_due(webhook, snapshot.delivery)
        self.status.emit_gone_if_due(webhook, snapshot.delivery)

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
            raise RequeueFailed(f"delivery of {message.event_id} to {message.webhook_id}")
        _count("Requeued", "delivery.requeued", snapshot.delivery)
        return True

    def _give_up(self, delivery: Delivery) -> bool:
        """Leaves the webhook alone, and writes the reason into the log: this was our fault."""
        number = delivery.attempts_in(delivery.round) + 1
        at = rfc3339(now())
        entry = Attempt(number, delivery.round, at, duration_ms=0, error=OUR_FAULT, error_code="not_attempted")
        attempts = [*delivery.attempts, entry][-ATTEMPTS_KEPT:]
        if not self.log.save(replace(delivery, status="failed", attempts=attempts, next_attempt_at=None)):
            return False
        _count("GivenUp", "delivery.given_up", delivery)
        return True


def _count(metric: str, line: str, delivery: Delivery) -> None:
    """Call it when the work is done: what is cut off before is done and counted when it is repeated."""
    count(metric)
    log_delivery(line, delivery)


@cache
def dead_letters() -> DeadLetters:
    return DeadLetters(
        marks=webhook_marks(),
        log=delivery_log(),
        status=status_changes(),
        schedule=Schedule.parse(os.environ["RETRY_DELAYS"]),
        queues=delivery_queues(),
    )


# Made while the process starts, when Lambda gives it a whole CPU: the first message would wait three times as long.
client("dynamodb")
client("events")
