"""Events that somebody wants are stored, once each, and become a message for each webhook that wants them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from webhooks.messages import COPY_DELAY_SECONDS, DeliveryMessage
from webhooks.queues import delivery_queues, in_tens
from webhooks.stored_events import StoredEvent, Subscription
from webhooks.tables import delivery_log, pace, webhook_lists
from webhooks.telemetry import count, logger

T = TypeVar("T")
R = TypeVar("R")
Subscriptions = Mapping[str, Sequence[Subscription]]
"""By account."""

_pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="fanout")


class NotAllSent(Exception):
    """SQS refused messages twice. Lambda's retry repeats the whole; what was sent already settles as duplicates."""


def fan_out(incoming: Sequence[StoredEvent]) -> None:
    """
    Reads each account's webhooks once, first of all: an event that nobody wants is not stored, so it is new when it is
    published again.

    Raises NotAllSent, or what else failed first on our side, when all that could be sent has been: one account's fault does
    not hold up the others of a batch.
    """
    read, unread = side_by_side(webhook_lists().subscriptions, sorted({event.account_id for event in incoming}))
    subscriptions: Subscriptions = dict(read)
    known = [event for event in incoming if event.account_id in subscriptions]
    stored, unstored = side_by_side(_store, _wanted(known, subscriptions))
    new, copies = _by_novelty(stored, subscriptions)
    paces = {s.webhook_id: s.max_per_second for wanting in subscriptions.values() for s in wanting if s.max_per_second}
    # A repeat of what is already on its way waits until the first attempt is over and logged.
    unsent_new, failed_new = _send(new, paces, delay_seconds=0)
    unsent_copies, failed_copies = _send(copies, paces, delay_seconds=COPY_DELAY_SECONDS)
    messages, unsent = [*new, *copies], [*unsent_new, *unsent_copies]
    _log(known, messages, unsent)
    if failed := [*unread, *unstored, *failed_new, *failed_copies]:
        raise failed[0]
    if unsent:
        raise NotAllSent(f"{len(unsent)} of {len(messages)} messages of {len(incoming)} events")


def side_by_side(work: Callable[[T], R], items: Collection[T]) -> tuple[list[tuple[T, R]], list[Exception]]:
    """Returns each item with its result, in their order, and what was raised for the others, which is logged."""
    done: list[tuple[T, R]] = []
    failed: list[Exception] = []
    calls: list[tuple[T, Callable[[], R]]] = [(item, partial(work, item)) for item in items]
    if len(calls) > 1:
        calls = [(item, _pool.submit(call).result) for item, call in calls]
    for item, call in calls:
        try:
            done.append((item, call()))
        except Exception as error:
            logger.exception("fanout.our_fault")  # the caller can raise only one of them
            failed.append(error)
    return done, failed


def _wanted(incoming: Sequence[StoredEvent], subscriptions: Subscriptions) -> list[StoredEvent]:
    """Each once: of those with the same id, the first."""
    wanted: dict[tuple[str, str], StoredEvent] = {}
    for event in incoming:
        webhooks = sum(subscription.wants(event) for subscription in subscriptions[event.account_id])
        if webhooks:
            wanted.setdefault((event.account_id, event.event_id), replace(event, webhooks=webhooks))
    return list(wanted.values())


def _store(incoming: StoredEvent) -> StoredEvent:
    stored = delivery_log().put_event_once(incoming)
    if stored == incoming:  # not again when Lambda repeats the event
        count("Accepted")
    return stored


def _by_novelty(
    stored: Sequence[tuple[StoredEvent, StoredEvent]], subscriptions: Subscriptions
) -> tuple[list[DeliveryMessage], list[DeliveryMessage]]:
    """The messages of the events that were new, and of those that had been stored before. `stored`: as it came, as it is."""
    new: list[DeliveryMessage] = []
    copies: list[DeliveryMessage] = []
    for incoming, event in stored:
        messages = _messages(event, subscriptions[event.account_id], started_at=incoming.accepted_at)
        (new if event == incoming else copies).extend(messages)
    return new, copies


def _messages(stored: StoredEvent, subscriptions: Sequence[Subscription], *, started_at: str) -> list[DeliveryMessage]:
    """`started_at` is not the event's time: one published again after days has all its time to be attempted."""
    return [
        DeliveryMessage(
            webhook_id=subscription.webhook_id,
            account_id=stored.account_id,
            event_id=stored.event_id,
            event=stored.event,
            accepted_at=stored.accepted_at,
            round=1,
            round_started_at=started_at,
            body=stored.body,
            queue=subscription.lane,
        )
        for subscription in subscriptions
        if subscription.wants(stored)
    ]


def _send(
    messages: Sequence[DeliveryMessage], paces: Mapping[str, int], *, delay_seconds: int
) -> tuple[list[DeliveryMessage], list[Exception]]:
    """Those that were refused, and what was raised. `paces`: of the webhooks that have one, what is above it waits."""
    paced: dict[str, list[DeliveryMessage]] = {}
    for message in messages:
        if message.webhook_id in paces:
            paced.setdefault(message.webhook_id, []).append(message)
    at_once = [message for message in messages if message.webhook_id not in paces]
    scheduled, unscheduled = side_by_side(lambda of: pace().schedule(of, paces[of[0].webhook_id]), [*paced.values()])
    at_once += [message for _, due in scheduled for message in due]
    send = partial(delivery_queues().send_ten, delay_seconds=delay_seconds)
    sent, failed = side_by_side(send, in_tens(at_once))
    return [message for _, left in sent for message in left], [*unscheduled, *failed]


def _log(
    incoming: Sequence[StoredEvent], messages: Sequence[DeliveryMessage], unsent: Sequence[DeliveryMessage]
) -> None:
    """A line for each event; `webhooks` is 0 if nobody wants it."""
    sent, left = Counter(map(_event_of, messages)), Counter(map(_event_of, unsent))
    for (account_id, event_id), event in {_event_of(event): event for event in incoming}.items():
        logger.info(
            "event.fanned_out",
            account_id=account_id,
            event_id=event_id,
            event=event.event,
            webhooks=sent[account_id, event_id],
            unsent=left[account_id, event_id],
        )


def _event_of(of: StoredEvent | DeliveryMessage) -> tuple[str, str]:
    return of.account_id, of.event_id
