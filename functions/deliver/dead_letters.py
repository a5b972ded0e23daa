"""Handles dead-lettered messages. The delivery log decides the outcome."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from deliver.schedule import Schedule
from deliver.snapshots import Snapshot, read_snapshot
from deliver.status_changes import StatusChanges, status_changes
from deliver.unattempted import Unattempted
from webhooks.clients import client
from webhooks.delivery_log import DeliveryLog
from webhooks.messages import DeliveryMessage, from_record
from webhooks.queues import delivery_queues
from webhooks.tables import delivery_log, erasures, webhook_marks
from webhooks.telemetry import count, count_done, flush, log_delivery, logger
from webhooks.times import now, rfc3339
from webhooks.webhook_marks import WebhookMarks

_TRIES = 5


class KeepsChanging(Exception):
    """The log or the webhook changed at every try: the queue brings the message back."""


def lambda_handler(sqs_event: dict[str, Any], context: object) -> dict[str, Any]:
    """A partial batch response. What cannot be read or handled stays in the dead-letter queue, which raises an alarm."""
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
        count("DeadLetterUnhandled")
        return False
    return True


@dataclass(frozen=True, slots=True)
class DeadLetters:
    marks: WebhookMarks
    log: DeliveryLog
    status: StatusChanges
    schedule: Schedule
    unattempted: Unattempted

    def process_dead_letter(self, message: DeliveryMessage) -> None:
        """
        Begins again when the log or the webhook changed after it was read. Raises KeepsChanging, NotSent, EmitFailed, and
        whatever AWS refuses.
        """
        for _ in range(_TRIES):
            snapshot = read_snapshot(message)
            if snapshot.is_settled():
                return self._finish_interrupted(snapshot)
            if snapshot.webhook is None and erasures().delete_event_if_erased(message):
                return count_done("Cancelled", "delivery.cancelled", snapshot.delivery)
            if self._process(snapshot):
                return
        raise KeepsChanging(f"delivery of {message.event_id} to {message.webhook_id}")

    def _process(self, snapshot: Snapshot) -> bool:
        """False if the log or the webhook changed after it was read."""
        if self.schedule.is_exhausted(snapshot):
            return self._fail(snapshot)
        return self.unattempted.process(snapshot)

    def _fail(self, snapshot: Snapshot) -> bool:
        failed = replace(snapshot.delivery, status="failed", next_attempt_at=None)
        webhook = snapshot.webhook
        if webhook is None or webhook.status != "active":
            if not self.log.save(failed):
                return False
            count_done("Exhausted", "delivery.failed", failed)
            return True
        failing = webhook.failed_by(failed, rfc3339(now()))
        if not self.marks.mark_failing(failing, together_with=self.log.put(failed)):
            return False
        count_done("Exhausted", "delivery.failed", failed)
        log_delivery("webhook.failing", failed, failing_code=failing.failing_code)
        self.status.begin_catch_up(failing, failed.accepted_at)
        self.status.emit_failing(failing)
        return True

    def _finish_interrupted(self, snapshot: Snapshot) -> None:
        """Does what a crash may have prevented: emitting the event of a webhook that was marked, or its recovery."""
        webhook = snapshot.webhook
        if webhook and webhook.status == "failing" and webhook.failing_event_id == snapshot.message.event_id:
            self.status.begin_catch_up(webhook, snapshot.delivery.accepted_at)
            self.status.emit_failing(webhook)
        self.status.finish(webhook, snapshot.delivery)


@cache
def dead_letters() -> DeadLetters:
    schedule = Schedule.parse(os.environ["RETRY_DELAYS"])
    return DeadLetters(
        marks=webhook_marks(),
        log=delivery_log(),
        status=status_changes(),
        schedule=schedule,
        unattempted=Unattempted(delivery_log(), delivery_queues(), schedule),
    )


# Made while the process starts, when Lambda gives it a whole CPU: the first message would wait three times as long.
client("dynamodb")
client("events")
