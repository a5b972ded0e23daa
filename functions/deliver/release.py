"""
Each minute: releases what waits because of its webhook's pace (`webhooks.waiting_deliveries`), and goes on with catching up
(`deliver.catch_up`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import monotonic

from deliver.catch_up import take_step
from webhooks.clients import client
from webhooks.due import DueKind
from webhooks.errors import NotSent
from webhooks.messages import DeliveryMessage
from webhooks.pace import at_pace
from webhooks.queues import delivery_queues, in_tens
from webhooks.tables import config_table, delivery_log, due_webhooks, pace, waiting_deliveries
from webhooks.telemetry import count, flush, logger
from webhooks.waiting_deliveries import Waiting

RELEASE_SECONDS = 40
"""What is left then is for the next invocations. `infra.delivery` gives the function ten seconds more."""

_PAGE = 100
_WEBHOOKS = 10_000
"""More than an invocation can do something for. The others come when some of these are done."""

_pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="release")


def lambda_handler(schedule_event: object, context: object) -> None:
    """Never raises. One webhook's fault does not stop the others, and what is left is tried again in a minute."""
    until = monotonic() + RELEASE_SECONDS
    try:
        due = due_webhooks().read(limit=_WEBHOOKS)
        # What waits stays due since the same moment. In that order, the same webhooks would be left each time.
        random.shuffle(due)
        while due and monotonic() < until:
            # A page each in turn, so that a long line holds up no other webhook's.
            due = [one for one in due if monotonic() < until and _take_step(*one)]
    except Exception:  # what is due could not be read
        logger.exception("release.our_fault")
        count("OurFault")
    finally:
        flush()


def _take_step(webhook_id: str, kind: DueKind) -> bool:
    """Does a part of what is due for the webhook. Returns whether more can be done at once."""
    try:
        if kind == "catch_up":
            return take_step(webhook_id)
        state = waiting_deliveries().state(webhook_id)
        return state is not None and _release_page(state)
    except Exception:
        logger.exception("release.our_fault", webhook_id=webhook_id)
        count("OurFault")
        return False


def _release_page(state: Waiting) -> bool:
    webhook = config_table().webhook_or_none(state.account_id, state.webhook_id)
    per_second = webhook.max_per_second if webhook and webhook.status != "disabled" else None
    limit = min(_PAGE, pace().batch(per_second)) if per_second else _PAGE
    messages = waiting_deliveries().first(state.webhook_id, limit=limit)
    if not messages:
        return not waiting_deliveries().finish(state)
    if per_second:
        first = pace().take(state.webhook_id, len(messages), per_second, of_waiting=True)
        if first is None:  # the next five minutes are full
            return False
        messages = list(at_pace(messages, first, per_second))
    _send([replace(message, queue=webhook.lane if webhook else "delivery") for message in messages])
    return True


def _send(messages: Sequence[DeliveryMessage]) -> None:
    """
    Killed in between, it sends copies the next time, which deliver settles. An event that the log has forgotten meanwhile is
    not sent any more. Raises NotSent: what was not sent still waits.
    """
    webhook_id = messages[0].webhook_id
    bodies = delivery_log().bodies(messages[0].account_id, dict.fromkeys(message.event_id for message in messages))
    known = [replace(m, body=bodies[m.event_id]) for m in messages if m.event_id in bodies]
    refused = [left for ten in _pool.map(delivery_queues().send_ten, in_tens(known)) for left in ten]
    unsent = {(message.key(), message.round) for message in refused}
    waiting_deliveries().remove([message for message in messages if (message.key(), message.round) not in unsent])
    logger.info("deliveries.released", webhook_id=webhook_id, messages=len(known) - len(refused))
    if expired := len(messages) - len(known):
        logger.warning("deliveries.expired", webhook_id=webhook_id, messages=expired)
        count("Expired", expired)
    if unsent:
        raise NotSent(f"{len(unsent)} of {len(messages)} deliveries could not be queued")


# Made while the process starts, when Lambda gives it a whole CPU.
client("dynamodb")
client("sqs")
