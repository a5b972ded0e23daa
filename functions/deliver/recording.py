"""Writes an attempt into the log, and what a 410 means for the webhook."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from deliver.schedule import Schedule
from deliver.snapshots import Snapshot, read_snapshot
from webhooks.deliveries import Attempt, Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.models import Webhook
from webhooks.tables import erasures
from webhooks.telemetry import count, log_delivery
from webhooks.times import now, parse_time, rfc3339
from webhooks.webhook_marks import WebhookMarks

T = TypeVar("T")

REPEATED_FOR = timedelta(seconds=5)
"""
Counted from the beginning of the attempt: no record of it is tried again later. What then remains of the function's 30 s is
enough for the last try, even if AWS leaves each call without an answer once. If the record ends an outage, what follows from
that may be cut off; the message then comes back, and it is done.
"""

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1, 1, 1)
"""Seconds, at most, before a record that DynamoDB did not take is tried again."""


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
        takes the attempt all the same: to attempt it once more would be a second POST of a first success. For the same
        reason a record that fails is tried again, for some seconds.
        """
        try:
            recorded = _patiently(attempt, partial(self._save, snapshot, attempt, attempted))
            while recorded is None:
                snapshot = _patiently(attempt, partial(self.read_again, snapshot))
                if snapshot.is_settled() or snapshot.recorded() != attempt.number - 1:
                    return None
                recorded = _patiently(attempt, partial(self._save, snapshot, attempt, attempted))
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

    def cancel(self, snapshot: Snapshot) -> Snapshot | None:
        """
        What is stored afterwards; None when another copy of the message wrote the log in the meantime. The log of an erased
        account stays empty.
        """
        delivery = cancelled(snapshot.delivery)
        is_erased = snapshot.webhook is None and erasures().delete_event_if_erased(snapshot.message)
        saved = delivery if is_erased else self.log.save(delivery)
        return replace(snapshot, delivery=saved) if saved else None

    def read_again(self, snapshot: Snapshot) -> Snapshot:
        return read_snapshot(snapshot.message)


def cancelled(delivery: Delivery) -> Delivery:
    return replace(delivery, status="cancelled", next_attempt_at=None)


def _patiently(attempt: Attempt, step: Callable[[], T]) -> T:
    """Takes the step of a record, again and again while DynamoDB refuses it or does not answer. Raises its last error."""
    for longest in _PAUSES:
        try:
            return step()
        except (BotoCoreError, ClientError):
            pause = random.uniform(0, longest)
            if now() + timedelta(seconds=pause) >= parse_time(attempt.at) + REPEATED_FOR:
                raise
        time.sleep(pause)
    return step()
