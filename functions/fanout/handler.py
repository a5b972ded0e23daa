"""An event from the bus becomes one queue message for every webhook that wants it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from fanout.incoming import accept, rejection
from webhooks.clients import client
from webhooks.config_table import ConfigTable
from webhooks.errors import EventRejected
from webhooks.log_table import LogTable, StoredEvent
from webhooks.messages import COPY_DELAY_SECONDS, DeliveryMessage, send
from webhooks.models import now, rfc3339
from webhooks.telemetry import flush, logger, metrics


class NotAllSent(Exception):
    """SQS refused messages twice. Lambda's retry repeats the whole; what was sent already settles as duplicates."""


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Raises whatever failed on our side: Lambda repeats the event, and its on-failure destination keeps it."""
    try:
        try:
            incoming = accept(event, rfc3339(now()))
        except EventRejected as refused:
            return _reject(event, refused)
        _fan_out(incoming)
    finally:
        flush()


def _fan_out(incoming: StoredEvent) -> None:
    """Raises NotAllSent."""
    stored = _log().put_event_once(incoming)
    webhook_ids = _config().subscribed(stored.account_id, stored.event)
    # A repeat of what is already on its way: it comes when the first attempt is over and logged, not beside it.
    delay_seconds = 0 if stored == incoming else COPY_DELAY_SECONDS
    messages = _messages(stored, webhook_ids, started_at=incoming.accepted_at)
    unsent = send(client("sqs"), os.environ["DELIVERY_QUEUE_URL"], messages, delay_seconds=delay_seconds)
    logger.info(
        "event.fanned_out",
        account_id=stored.account_id,
        event_id=stored.event_id,
        event=stored.event,
        webhooks=len(webhook_ids),
        unsent=len(unsent),
    )
    metrics.add_metric("Accepted", "Count", 1)
    if unsent:
        raise NotAllSent(f"{len(unsent)} of {len(webhook_ids)} messages of event {stored.event_id}")


def _messages(stored: StoredEvent, webhook_ids: list[str], *, started_at: str) -> list[DeliveryMessage]:
    """`started_at` is not the event's time: one published again after days has all its time to be attempted."""
    return [
        DeliveryMessage(
            webhook_id=webhook_id,
            account_id=stored.account_id,
            event_id=stored.event_id,
            event=stored.event,
            accepted_at=stored.accepted_at,
            round=1,
            round_started_at=started_at,
            body=stored.body,
        )
        for webhook_id in webhook_ids
    ]


def _reject(event: dict[str, Any], refused: EventRejected) -> None:
    """Kept with its reason, so that the producer can be told and the event be published again; never retried."""
    logger.warning("event.rejected", bus_id=event.get("id"), field=refused.field, reason=refused.detail)
    client("sqs").send_message(QueueUrl=os.environ["REJECTED_QUEUE_URL"], MessageBody=rejection(event, refused))
    metrics.add_metric("Rejected", "Count", 1)


@cache
def _log() -> LogTable:
    return LogTable(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def _config() -> ConfigTable:
    return ConfigTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


# Made while the process starts, when Lambda gives it a whole CPU: the first event would wait three times as long for them.
client("dynamodb")
client("sqs")
