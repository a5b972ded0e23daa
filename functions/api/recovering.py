"""Recovery: a page of a webhook's failed deliveries, each in a new round. Sent first, then marked if nothing moved."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from api.claims import claim
from api.problems import Problem
from api.repeating import message_of, next_round, refuse_disabled
from webhooks.clients import client
from webhooks.history import History
from webhooks.log_table import LogTable
from webhooks.messages import send
from webhooks.models import Delivery, Webhook

PAGE = 100
_MARKING = 10
"""Writes side by side."""

_COPIES_SECONDS = 15
"""By so much a call's messages come later if another call came before: that one's may still be on their way, some
seconds to be sent and marked and 5 to be attempted."""


def recover(log: LogTable, history: History, webhook: Webhook, since: str) -> tuple[int, str | None]:
    """
    How many deliveries were sent, of those that failed after the time or sort key `since`; and where to go on.

    Cut off at any point and repeated, or called twice at once, it loses nothing: what was marked is no longer failed, and
    of what was sent but not marked the other call sends copies. They come when the first one's attempt is in the log,
    unless the delivery queue is so far behind that both are still waiting. Raises Conflict for a disabled webhook,
    Problem 503.
    """
    refuse_disabled(webhook)
    # Before the page is read: what an earlier call has marked by now is seen, what it has not may be a copy.
    delay_seconds = _COPIES_SECONDS if claim(webhook.account_id, f"recover#{webhook.id}") else 0
    page = history.failed(webhook.id, since=since, limit=PAGE)
    bodies = history.bodies(webhook.account_id, [delivery.event_id for delivery in page.deliveries])
    again = {d.event_id: next_round(d) for d in page.deliveries if d.event_id in bodies}
    messages = [message_of(delivery, bodies[event_id]) for event_id, delivery in again.items()]
    unsent = send(client("sqs"), os.environ["DELIVERY_QUEUE_URL"], messages, delay_seconds=delay_seconds)
    for message in unsent:
        del again[message.event_id]
    _mark(log, list(again.values()))
    if unsent:
        raise Problem(503, f"{len(unsent)} could not be sent; call again as before", headers={"Retry-After": "1"})
    return len(again), page.after


def _mark(log: LogTable, deliveries: list[Delivery]) -> None:
    """One that has moved meanwhile was begun by its message, or by somebody else's retry: that is as good."""
    with ThreadPoolExecutor(_MARKING) as pool:
        list(pool.map(log.save, deliveries))
