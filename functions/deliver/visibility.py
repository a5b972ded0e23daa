"""When the messages that stay on a queue are shown again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from webhooks.telemetry import count, logger
from webhooks.times import now

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10
_MAX_VISIBILITY = 12 * 3600

Record = dict[str, Any]
Retained = tuple[Record, datetime | None]
"""A message that stays on the queue, and when it shall be shown again; None leaves that to the queue."""


def set_visibility(sqs: SQSClient, queue_url: str, retained: Sequence[Retained]) -> None:
    """One call for ten messages. A message that keeps the queue's own timeout comes late, not never."""
    at = now()
    entries: list[Any] = [
        {"Id": str(i), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": _seconds(visible_at - at)}
        for i, (record, visible_at) in enumerate(retained)
        if visible_at
    ]
    unset = len(entries)
    try:
        for start in range(0, len(entries), _BATCH):
            unset -= _set_batch(sqs, queue_url, entries[start : start + _BATCH])
    except Exception:  # SQS does not answer: another call would only take the time that is left
        logger.exception("visibility.unset")
    if unset:
        count("VisibilityUnset", unset)


def _set_batch(sqs: SQSClient, queue_url: str, entries: list[Any]) -> int:
    """Asks once more for what SQS refuses. Returns how many entries it has accepted."""
    left = entries
    for _ in range(2):
        answer = sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=left)
        refused = {failed["Id"] for failed in answer.get("Failed", [])}
        left = [entry for entry in left if entry["Id"] in refused]
        if not left:
            break
    return len(entries) - len(left)


def _seconds(wait: timedelta) -> int:
    """Rounded up, so that nothing comes back early, within what SQS allows."""
    return min(max(ceil(wait.total_seconds()), 0), _MAX_VISIBILITY)
