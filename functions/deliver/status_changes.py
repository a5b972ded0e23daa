"""
What follows from a change of a webhook's status: its operational event, the end of its failing at the first 200, and the end
of its deliveries when its endpoint says that it is gone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from webhooks import operational_events
from webhooks.catch_up import EARLIER
from webhooks.catch_ups import CatchUps
from webhooks.clients import client
from webhooks.deliveries import Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.models import Webhook
from webhooks.operational_events import MAX_COUNTED, EmitFailed
from webhooks.recoverable_deliveries import RecoverableDeliveries
from webhooks.subscription_changes import SubscriptionChanges, subscription_changes
from webhooks.tables import catch_ups, delivery_log, recoverable_deliveries, webhook_marks
from webhooks.times import parse_time, rfc3339
from webhooks.webhook_marks import WebhookMarks

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


@dataclass(frozen=True, slots=True)
class StatusChanges:
    marks: WebhookMarks
    events: EventBridgeClient
    bus: str
    subscriptions: SubscriptionChanges
    catch_ups: CatchUps
    log: DeliveryLog
    recoverable: RecoverableDeliveries

    def finish(self, webhook: Webhook | None, delivery: Delivery) -> None:
        """Does what a 200 or a 410 means for the webhook. Repeated if it fails, or if a crash comes before it."""
        self.mark_recovered_if_due(webhook, delivery)
        self.emit_gone_if_due(webhook, delivery)

    def emit_failing(self, webhook: Webhook) -> None:
        """However often it is repeated, it carries the same id."""
        self._emit_failing(webhook, self._failed_deliveries(webhook))

    def mark_recovered_if_due(self, webhook: Webhook | None, delivery: Delivery) -> None:
        """
        Makes a failing webhook active if the log has a 200 since. Should this fail, or a crash come before it, the message
        comes back and it is tried again, as nothing else is left to do.
        """
        if not webhook or not webhook.has_recovered(delivery):
            return
        # Emitted before it is marked: a crash in between repeats both events, with the same ids, and loses none.
        # `webhook.failing` is repeated because a crash may have come between its marking and its emit.
        failed = self._failed_deliveries(webhook)
        self._emit_failing(webhook, failed)
        operational_events.emit(self.events, self.bus, "webhook.recovered", webhook, failed_deliveries=failed)
        if not self._make_due_now(webhook):
            self._begin_missed_catch_up(webhook)
        self.marks.mark_active(webhook)
        self._make_due_now(webhook)  # again: before, it may have been looked at while the webhook was still failing

    def _emit_failing(self, webhook: Webhook, failed: int) -> None:
        """Emits 1 failed delivery at least: the count leaves out one whose event is old, as at a retry by hand."""
        operational_events.emit(self.events, self.bus, "webhook.failing", webhook, failed_deliveries=max(failed, 1))

    def _failed_deliveries(self, webhook: Webhook) -> int:
        if webhook.failing_since is None:
            return 0
        since = rfc3339(parse_time(webhook.failing_since) - EARLIER)
        return self.recoverable.failed_since(webhook.id, since, limit=MAX_COUNTED)

    def begin_catch_up(self, webhook: Webhook, accepted_at: str | None) -> None:
        """
        Begins catching up, if the webhook has `catch_up`. `accepted_at` is of the event whose delivery made it failing, None
        if that is not known. Repeated for the same outage, it changes nothing.
        """
        if webhook.catch_up:
            self.catch_ups.begin(webhook, accepted_at)

    def _begin_missed_catch_up(self, webhook: Webhook) -> None:
        """A crash may have come between the marking of a failing webhook and the beginning of its catching up."""
        self.begin_catch_up(webhook, self.log.failing_event_accepted_at(webhook))
        self._make_due_now(webhook)

    def _make_due_now(self, webhook: Webhook) -> bool:
        """False if the webhook has `catch_up`, and no catching up is under way."""
        return not webhook.catch_up or self.catch_ups.make_due_now(webhook.id)

    def emit_gone_if_due(self, webhook: Webhook | None, delivery: Delivery) -> None:
        """
        Emits that the webhook is disabled if it was disabled by this delivery. However often that is repeated, as after a
        crash, `webhook.disabled` carries the same id.
        """
        if not webhook or webhook.disabled_event_id != delivery.event_id:
            return
        operational_events.emit(self.events, self.bus, "webhook.disabled", webhook)
        with self.subscriptions.changing(webhook.account_id) as change:
            pass  # it is disabled already
        if not change.emitted:
            raise EmitFailed(f"subscriptions of {webhook.account_id}")


@cache
def status_changes() -> StatusChanges:
    return StatusChanges(
        marks=webhook_marks(),
        events=client("events"),
        bus=os.environ["EVENT_BUS_NAME"],
        subscriptions=subscription_changes(),
        catch_ups=catch_ups(),
        log=delivery_log(),
        recoverable=recoverable_deliveries(),
    )
