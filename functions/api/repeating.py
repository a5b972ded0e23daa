"""What a person sends: a test event, or a delivery once more. Sent first, then marked in the log if nothing moved."""

from __future__ import annotations

import os
from dataclasses import replace

from api.problems import Problem
from webhooks.clients import client
from webhooks.errors import Conflict, NotFound
from webhooks.event_types import EVENT_TYPES
from webhooks.log_table import LogTable, StoredEvent
from webhooks.messages import DeliveryMessage, send
from webhooks.models import Delivery, Webhook, new_id, now, rfc3339
from webhooks.payload import build_body, normalise_timestamp


def send_test(log: LogTable, webhook: Webhook, event: str) -> str:
    """The id of the test event, which is in the log at once. Raises Conflict for a disabled webhook, Problem 503."""
    refuse_disabled(webhook)
    at = rfc3339(now())
    body = build_body(event, normalise_timestamp(at), EVENT_TYPES[event].example)
    stored = log.put_event_once(StoredEvent(webhook.account_id, new_id("evt"), event, body, at))
    pending = Delivery(
        webhook_id=webhook.id,
        account_id=webhook.account_id,
        event_id=stored.event_id,
        event=event,
        accepted_at=at,
        status="pending",
        round=1,
        round_started_at=at,
        test=True,
    )
    _send(pending, body)
    log.save(pending)
    return stored.event_id


def retry(
    log: LogTable, webhook: Webhook, event: StoredEvent, delivery: Delivery, *, delay_seconds: int = 0
) -> Delivery:
    """
    The delivery in its new round; its message comes after `delay_seconds`.

    Cut off after the sending, nothing is lost: the message begins the round by itself. Raises Conflict for a delivery
    that is not final and for a disabled webhook, Problem 503.
    """
    refuse_disabled(webhook)
    if not delivery.is_final():
        raise Conflict(f"the delivery is {delivery.status}; only a delivered, failed or cancelled one can be retried")
    again = next_round(delivery)
    _send(again, event.body, delay_seconds)
    saved = log.save(again) or log.delivery(delivery.webhook_id, delivery.accepted_at, delivery.event_id)
    if saved is None:
        raise NotFound("there is no such delivery")
    return saved


def refuse_disabled(webhook: Webhook) -> None:
    if webhook.status == "disabled":
        raise Conflict("the webhook is disabled; enable it first")


def next_round(delivery: Delivery) -> Delivery:
    return replace(
        delivery,
        status="pending",
        round=delivery.round + 1,
        round_started_at=rfc3339(now()),
        next_attempt_at=None,
        message_id=None,
    )


def message_of(delivery: Delivery, body: str) -> DeliveryMessage:
    return DeliveryMessage(
        webhook_id=delivery.webhook_id,
        account_id=delivery.account_id,
        event_id=delivery.event_id,
        event=delivery.event,
        accepted_at=delivery.accepted_at,
        round=delivery.round,
        round_started_at=delivery.round_started_at,
        body=body,
        test=delivery.test,
    )


def _send(delivery: Delivery, body: str, delay_seconds: int = 0) -> None:
    message = message_of(delivery, body)
    if send(client("sqs"), os.environ["DELIVERY_QUEUE_URL"], [message], delay_seconds=delay_seconds):
        raise Problem(503, "it could not be sent; try again", headers={"Retry-After": "1"})
