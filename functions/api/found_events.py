"""What became of an event at each of its account's webhooks."""

from __future__ import annotations

import json

from api.event_schemas import EventDelivery, EventOut
from webhooks.stored_events import StoredEvent
from webhooks.tables import delivery_log, webhook_lists


def found_event(event: StoredEvent) -> EventOut:
    """Reads the names of the account's webhooks, and a delivery for each at most."""
    names = webhook_lists().names(event.account_id)
    deliveries = [
        EventDelivery.of(delivery, names[delivery.webhook_id])
        for delivery in delivery_log().deliveries(event, list(names))
    ]
    return EventOut(
        id=event.event_id,
        account_id=event.account_id,
        event=event.event,
        accepted_at=event.accepted_at,
        webhooks=event.webhooks,
        payload=json.loads(event.body),
        deliveries=sorted(deliveries, key=lambda delivery: (delivery.webhook_name, delivery.webhook_id)),
    )
