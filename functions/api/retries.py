"""Manual retries. A retry queues a message for a new round first, and then updates the log unless it has changed since."""

from __future__ import annotations

from webhooks.deliveries import Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.errors import Conflict, NotFound, NotSent
from webhooks.messages import DeliveryMessage
from webhooks.models import Lane, Webhook
from webhooks.queues import delivery_queues
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339


def check_retry(webhook: Webhook, delivery: Delivery) -> None:
    """Raises Conflict if the webhook is disabled, or the delivery has attempts left and is not stranded."""
    refuse_disabled(webhook)
    if not delivery.is_final() and not delivery.is_stranded(now()):
        raise Conflict(f"the delivery is {delivery.status}; only a delivered, failed or cancelled one can be retried")


def retry(
    log: DeliveryLog, webhook: Webhook, event: StoredEvent, delivery: Delivery, *, delay_seconds: int
) -> Delivery:
    """
    Returns the delivery in its new round. The message is delayed by `delay_seconds`. See `check_retry`.

    If the function is killed after queueing the message, deliver starts the round when it receives it. Raises NotSent.
    """
    again = delivery.in_round(delivery.round + 1, rfc3339(now()))
    send_round(again, event.body, webhook.lane, delay_seconds)
    saved = log.save(again) or log.delivery(delivery.webhook_id, delivery.accepted_at, delivery.event_id)
    if saved is None:
        raise NotFound("there is no such delivery")
    return saved


def refuse_disabled(webhook: Webhook) -> None:
    """Raises Conflict."""
    if webhook.status == "disabled":
        raise Conflict("the webhook is disabled; enable it first")


def send_round(delivery: Delivery, body: str, lane: Lane, delay_seconds: int = 0) -> None:
    """Raises NotSent."""
    message = DeliveryMessage.of(delivery, body, lane)
    if delivery_queues().send([message], delay_seconds=delay_seconds):
        raise NotSent("the delivery could not be queued; try again")
