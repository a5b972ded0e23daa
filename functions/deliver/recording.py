"""Writes an attempt into the log, and what a 410 means for the webhook."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deliver.schedule import Schedule
from deliver.snapshots import Snapshot, read_snapshot
from webhooks.clients import client
from webhooks.deliveries import Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.models import Webhook
from webhooks.telemetry import count, log_delivery
from webhooks.times import now, rfc3339
from webhooks.webhook_marks import WebhookMarks


@dataclass(frozen=True, slots=True)
class Recorder:
    log: DeliveryLog
    marks: WebhookMarks
    schedule: Schedule

    def record(self, snapshot: Snapshot, attempt: Attempt, attempted: Webhook) -> Snapshot | None:
        """
        What is stored afterwards; None when another copy of the message recorded an attempt in the meantime. `attempted` is
        the webhook as it was when the attempt was made.

        A log that has moved without one, as when a person's retry is marked while its message is attempted already,
        takes the attempt all the same: to attempt it once more would be a second POST of a first success.
        """
        try:
            recorded = self._save(snapshot, attempt, attempted)
            while recorded is None:
                snapshot = self.read_again(snapshot)
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

        A 410 is about the webhook that was `attempted`. If a person has edited it since and it is not disabled, it is a
        failure like others, and the next attempt shows what the endpoint says now.
        """
        after, webhook = self.schedule.after(snapshot, attempt), snapshot.webhook
        if attempt.says_gone():
            if webhook is None or webhook.status == "disabled":
                after = cancelled(after)
            elif webhook.version == attempted.version:
                return self._save_gone(snapshot, cancelled(after), webhook)
        saved = self.log.save(after)
        return replace(snapshot, delivery=saved) if saved else None

    def _save_gone(self, snapshot: Snapshot, delivery: Delivery, webhook: Webhook) -> Snapshot | None:
        """Disables the webhook in the same transaction."""
        gone = webhook.ended_by(delivery, rfc3339(now()))
        if not self.marks.mark_gone(gone, together_with=self.log.put(delivery)):
            return None
        log_delivery("webhook.disabled", delivery)
        return replace(snapshot, webhook=gone, delivery=replace(delivery, version=delivery.version + 1))

    def read_again(self, snapshot: Snapshot) -> Snapshot:
        return read_snapshot(client("dynamodb"), self.marks.name, self.log.name, snapshot.message)


def cancelled(delivery: Delivery) -> Delivery:
    return replace(delivery, status="cancelled", next_attempt_at=None)
