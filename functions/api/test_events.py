"""Test events: the example of an event type, for one webhook, through the same queue as all other events."""

from __future__ import annotations

from api.retries import send_round
from webhooks.deliveries import Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.event_types import EVENT_TYPES
from webhooks.models import Webhook, new_id
from webhooks.payload import build_body, normalise_timestamp
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339


def send_test(log: DeliveryLog, webhook: Webhook, event_type: str) -> str:
    """Returns the id of the test event, which is in the delivery log at once. Raises NotSent."""
    at = rfc3339(now())
    body = build_body(event_type, normalise_timestamp(at), EVENT_TYPES[event_type].example)
    event = log.put_event_once(StoredEvent(webhook.account_id, new_id("evt"), event_type, body, at, webhooks=1))
    pending = Delivery(
        webhook_id=webhook.id,
        account_id=webhook.account_id,
        event_id=event.event_id,
        event=event_type,
        accepted_at=at,
        status="pending",
        round=1,
        round_started_at=at,
        test=True,
    )
    send_round(pending, body, webhook.lane)
    log.save(pending)
    return event.event_id
