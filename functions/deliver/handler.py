"""Takes a batch from the delivery queue, the POSTs side by side; what is not settled stays on the queue until its time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from math import ceil
from typing import Any

from deliver import standing
from deliver.attempting import Desk
from deliver.schedule import Schedule
from deliver.standing import Standing
from webhooks.clients import client
from webhooks.log_table import LogTable
from webhooks.messages import DeliveryMessage, from_record
from webhooks.models import now
from webhooks.telemetry import flush, logger, metrics, write_lines

OUR_FAULT_SECONDS = 10
"""When our side failed, a message comes back after this, not after the queue's whole visibility timeout."""

_BATCH = 10
_MAX_VISIBILITY = 12 * 3600
_pool = ThreadPoolExecutor(max_workers=_BATCH, thread_name_prefix="attempt")

Record = dict[str, Any]
Kept = tuple[Record, datetime | None]
"""A message that stays on the queue, and when it shall be shown again; None leaves that to the queue."""


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A partial batch response: the messages that stay on the queue."""
    try:
        kept = deliver(desk(), event["Records"])
        _set_visibility(kept)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in kept]}
    finally:
        flush()


def deliver(desk: Desk, records: Sequence[Record]) -> list[Kept]:
    """Handles every record of a batch. Never raises: what went wrong on our side stays on the queue."""
    copies, kept = _by_delivery(records)
    messages = [message for group in copies.values() for _, message in group]
    try:
        standings = standing.read(desk.dynamodb, desk.config_table, desk.log.name, messages) if messages else {}
    except Exception:
        return kept + _our_fault(record for group in copies.values() for record, _ in group)
    handled = [_pool.submit(_handle, desk, group, standings[group[0][1]]) for group in copies.values()]
    for future in handled:
        kept += future.result()
        write_lines()  # not at the batch's end alone: should this process be killed, what was done is told
    return kept


def _by_delivery(
    records: Sequence[Record],
) -> tuple[dict[tuple[str, str], list[tuple[Record, DeliveryMessage]]], list[Kept]]:
    """The copies of each delivery's message together, the latest round first; and what no message can be read from."""
    copies: dict[tuple[str, str], list[tuple[Record, DeliveryMessage]]] = {}
    unreadable: list[Kept] = []
    for record in records:
        try:
            message = from_record(record)
        except (KeyError, ValueError):
            logger.error("message.unreadable", message_id=record["messageId"])
            unreadable.append((record, None))
        else:
            copies.setdefault(message.key(), []).append((record, message))
    for group in copies.values():
        group.sort(key=lambda pair: -pair[1].round)
    return copies, unreadable


def _handle(desk: Desk, group: list[tuple[Record, DeliveryMessage]], standing: Standing) -> list[Kept]:
    """One POST per delivery per batch: the first copy goes ahead, the others follow what came of it."""
    (first, message), *others = group
    try:
        outcome = desk.handle(message, standing)
    except Exception:
        return _our_fault(record for record, _ in group)
    returns = [(first, outcome.back_at)]
    returns += [(record, desk.copy_back_at(copy, outcome.standing)) for record, copy in others]
    return [(record, back_at) for record, back_at in returns if back_at]


def _our_fault(records: Iterable[Record]) -> list[Kept]:
    """Call it while the exception is being handled."""
    logger.exception("delivery.our_fault")
    metrics.add_metric("OurFault", "Count", 1)
    return [(record, now() + timedelta(seconds=OUR_FAULT_SECONDS)) for record in records]


def _set_visibility(kept: Sequence[Kept]) -> None:
    """One call a batch, what it refuses once more. A message that keeps the queue's own timeout comes late, not never."""
    at = now()
    entries: list[Any] = [
        {"Id": str(i), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": _seconds(back_at - at)}
        for i, (record, back_at) in enumerate(kept)
        if back_at
    ]
    for _ in range(2):
        if not entries:
            return
        try:
            answer = client("sqs").change_message_visibility_batch(
                QueueUrl=os.environ["DELIVERY_QUEUE_URL"], Entries=entries
            )
        except Exception:
            logger.exception("visibility.unset")
            continue
        refused = {failed["Id"] for failed in answer.get("Failed", [])}
        entries = [entry for entry in entries if entry["Id"] in refused]
    if entries:
        metrics.add_metric("VisibilityUnset", "Count", len(entries))


def _seconds(wait: timedelta) -> int:
    """Rounded up, so that nothing comes back early, within what SQS allows."""
    return min(max(ceil(wait.total_seconds()), 0), _MAX_VISIBILITY)


@cache
def desk() -> Desk:
    dynamodb = client("dynamodb")
    return Desk(
        dynamodb=dynamodb,
        events=client("events"),
        config_table=os.environ["CONFIG_TABLE"],
        bus=os.environ["EVENT_BUS_NAME"],
        log=LogTable(dynamodb, os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"])),
        schedule=Schedule.parse(os.environ["RETRY_DELAYS"]),
    )


# Made while the process starts, when Lambda gives it a whole CPU: the first batch would wait three times as long for them.
client("dynamodb")
client("events")
