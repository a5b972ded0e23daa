"""Recovery: a page of a webhook's failed deliveries, each in a new round. Sent first, then marked if nothing moved."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api.problems import Problem
from api.repeating import message_of, next_round, refuse_disabled
from webhooks.clients import client
from webhooks.conflicts import repeated
from webhooks.errors import NotFound
from webhooks.history import History
from webhooks.items import webhook_key
from webhooks.log_table import LogTable
from webhooks.messages import COPY_DELAY_SECONDS, send
from webhooks.models import Delivery, Webhook, now, rfc3339

PAGE = 100
_MARKING = 10
"""Writes side by side."""


def recover(log: LogTable, history: History, webhook: Webhook, since: str) -> tuple[int, str | None]:
    """
    How many deliveries were sent, of those that failed after the time or sort key `since`; and where to go on.

    Cut off at any point and repeated, it loses nothing and POSTs nothing twice: what was marked is no longer failed, and
    of what was sent but not marked the repetition sends copies, which come when the first one's attempt is in the log.
    Raises Conflict for a disabled webhook, Problem 503.
    """
    refuse_disabled(webhook)
    page = history.failed(webhook.id, since=since, limit=PAGE)
    bodies = history.bodies(webhook.account_id, [delivery.event_id for delivery in page.deliveries])
    again = {d.event_id: next_round(d) for d in page.deliveries if d.event_id in bodies}
    if not again:
        return 0, page.after
    begun, interrupted = _begin(webhook)
    messages = [message_of(delivery, bodies[event_id]) for event_id, delivery in again.items()]
    delay_seconds = COPY_DELAY_SECONDS if interrupted else 0
    unsent = send(client("sqs"), os.environ["DELIVERY_QUEUE_URL"], messages, delay_seconds=delay_seconds)
    for message in unsent:
        del again[message.event_id]
    _mark(log, list(again.values()))
    _end(webhook, begun)
    if unsent:
        raise Problem(503, f"{len(unsent)} could not be sent; call again as before", headers={"Retry-After": "1"})
    return len(again), page.after


def _mark(log: LogTable, deliveries: list[Delivery]) -> None:
    """One that has moved meanwhile was begun by its message, or by somebody else's retry: that is as good."""
    with ThreadPoolExecutor(_MARKING) as pool:
        list(pool.map(log.save, deliveries))


def _begin(webhook: Webhook) -> tuple[str, bool]:
    """Notes at the webhook that a recovery is under way; and whether an earlier one is, or never came to its end."""
    at = rfc3339(now())
    try:
        before = _update(webhook, "SET recovering_since = :at", "attribute_exists(pk)", at)
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        raise NotFound("there is no such webhook") from None
    return at, "recovering_since" in before


def _end(webhook: Webhook, begun: str) -> None:
    try:
        _update(webhook, "REMOVE recovering_since", "recovering_since = :at", begun)
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return  # another recovery has begun meanwhile; or the webhook is deleted


def _update(webhook: Webhook, change: str, condition: str, at: str) -> dict[str, Any]:
    update: Any = {
        "TableName": os.environ["CONFIG_TABLE"],
        "Key": webhook_key(webhook.account_id, webhook.id),
        "UpdateExpression": change,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":at": {"S": at}},
        "ReturnValues": "UPDATED_OLD",
    }
    answer = repeated(lambda: client("dynamodb").update_item(**update))
    return dict(answer.get("Attributes", {}))
