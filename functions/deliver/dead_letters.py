"""Judges what the delivery queue gave up: by the log, never by the fact that the message is here."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from deliver import health, standing
from deliver.attempting import Desk
from deliver.handler import desk
from deliver.schedule import in_round, is_settled
from deliver.standing import Standing
from webhooks import signals
from webhooks.clients import client
from webhooks.messages import DeliveryMessage, from_record
from webhooks.models import ATTEMPTS_KEPT, Attempt, Delivery, now, parse_time, rfc3339
from webhooks.telemetry import flush, logger, metrics, tell

REQUEUED_FOR = timedelta(hours=24)
"""From the start of the round. What could not be attempted by then, through our fault, is given up."""

OUR_FAULT = "not attempted: a fault on our side"

_MAX_DELAY = 900
_TRIES = 5


class Moving(Exception):
    """The log or the webhook moved under every judgement: the queue brings the message back."""


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A partial batch response. What cannot be read or judged stays in the dead-letter queue, where an alarm sees it."""
    try:
        failures = [record["messageId"] for record in event["Records"] if not _handled(record)]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failures]}
    finally:
        flush()


def _handled(record: dict[str, Any]) -> bool:
    try:
        judge(desk(), from_record(record))
    except Exception:
        logger.exception("dead_letter.unjudged", message_id=record["messageId"])
        return False
    return True


def judge(desk: Desk, message: DeliveryMessage) -> None:
    """Decides by what the log says; begins again whenever something moved between reading and writing."""
    for _ in range(_TRIES):
        stood = standing.read(desk.dynamodb, desk.config_table, desk.log.name, [message])[message]
        if stood.delivery and is_settled(message, stood.delivery):
            return _drop(desk, message, stood)
        delivery = in_round(message, stood.delivery)
        if delivery.attempts_in(message.round) >= desk.schedule.attempts:
            if _fail(desk, stood, delivery):
                return
        elif now() - _began(message, delivery) < REQUEUED_FOR:
            return _requeue(message, delivery)
        elif _give_up(desk, delivery):
            return
    raise Moving(f"delivery of {message.event_id} to {message.webhook_id}")


def _began(message: DeliveryMessage, delivery: Delivery) -> datetime:
    """The later one: a copy from before the event was published again does not end what that began."""
    return parse_time(max(message.round_started_at, delivery.round_started_at))


def _drop(desk: Desk, message: DeliveryMessage, stood: Standing) -> None:
    """Nothing is left to do, unless a crash came between marking the webhook and telling so, or before it recovered."""
    webhook = stood.webhook
    if webhook and webhook.status == "failing" and webhook.failing_event_id == message.event_id:
        signals.tell(desk.events, desk.bus, "webhook.failing", webhook)
    desk.recover(stood)


def _fail(desk: Desk, stood: Standing, delivery: Delivery) -> bool:
    failed = replace(delivery, status="failed", next_attempt_at=None)
    webhook = stood.webhook
    if webhook is None or webhook.status != "active":
        if not desk.log.save(failed):
            return False
        _count("Exhausted", "delivery.failed", failed)
        return True
    webhook = health.failed_by(webhook, failed, rfc3339(now()))
    if not health.mark_failing(desk.dynamodb, desk.config_table, webhook, desk.log.put(failed)):
        return False
    _count("Exhausted", "delivery.failed", failed)
    logger.info("webhook.failing", account_id=webhook.account_id, webhook_id=webhook.id, event_id=failed.event_id)
    signals.tell(desk.events, desk.bus, "webhook.failing", webhook)
    return True


def _requeue(message: DeliveryMessage, delivery: Delivery) -> None:
    """It was not really attempted: back onto the delivery queue, for when its next attempt is due."""
    delay = _delay(delivery.next_attempt_at, now())
    client("sqs").send_message(QueueUrl=os.environ["DELIVERY_QUEUE_URL"], **message.to_request(delay))
    _count("Requeued", "delivery.requeued", delivery)


def _give_up(desk: Desk, delivery: Delivery) -> bool:
    """The webhook is left alone, and the log says why: this was our fault."""
    number = delivery.attempts_in(delivery.round) + 1
    said = Attempt(number=number, round=delivery.round, at=rfc3339(now()), duration_ms=0, error=OUR_FAULT)
    attempts = [*delivery.attempts, said][-ATTEMPTS_KEPT:]
    if not desk.log.save(replace(delivery, status="failed", attempts=attempts, next_attempt_at=None)):
        return False
    _count("GivenUp", "delivery.given_up", delivery)
    return True


def _count(metric: str, what: str, delivery: Delivery) -> None:
    """Once it is done: what is cut off before is done and counted when it is repeated."""
    metrics.add_metric(metric, "Count", 1)
    tell(what, delivery)


def _delay(next_attempt_at: str | None, at: datetime) -> int:
    """Seconds, rounded up; SQS delays by 900 at most, and the log makes the message wait for the rest."""
    if next_attempt_at is None:
        return 0
    return min(max(ceil((parse_time(next_attempt_at) - at).total_seconds()), 0), _MAX_DELAY)
