"""A batch of messages, their attempts side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliver.snapshots import Snapshot, read_snapshots
from deliver.visibility import Record, Retained
from deliver.worker import DeliveryWorker
from webhooks.messages import DeliveryMessage, from_record
from webhooks.models import Lane
from webhooks.queues import delivery_queues
from webhooks.telemetry import count, logger, write_lines
from webhooks.times import now

OUR_FAULT_SECONDS = 10
"""When our side failed, a message comes back after this, not after the queue's whole visibility timeout."""

_SIDE_BY_SIDE = 40
"""Threads: as many as the largest batch has messages (`infra.delivery`), so that no attempt waits for another."""

_POLL_SECONDS = 0.25
"""How often attempts under way are looked at."""

_pool = ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE, thread_name_prefix="attempt")

Received = tuple[Record, DeliveryMessage]
"""A record and the message in it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The message of a record goes to another queue, where a new one takes its place."""

    record: Record
    message: DeliveryMessage


@dataclass(frozen=True, slots=True)
class Handled:
    """What becomes of the messages of one delivery: one of them moves at most."""

    retained: list[Retained]
    moved: Moved | None = None


def deliver(worker: DeliveryWorker, records: Sequence[Record], lane: Lane) -> list[Retained]:
    """Handles every record of a batch. Never raises: what went wrong on our side stays on the queue."""
    copies, retained = _by_delivery(records, lane)
    messages = [message for group in copies.values() for _, message in group]
    try:
        snapshots = read_snapshots(messages) if messages else {}
    except Exception:
        return retained + _our_fault(record for group in copies.values() for record, _ in group)
    for group in copies.values():
        # The latest round first, and in it the message that the log expects.
        group.sort(key=lambda pair: (-pair[1].round, snapshots[pair[1]].is_copy()))
    pending = [_pool.submit(_handle, worker, group, snapshots[group[0][1]]) for group in copies.values()]
    while pending:
        done, _ = wait(pending, timeout=_POLL_SECONDS)
        worker.lanes.mark_overdue()
        if lane == "delivery":
            worker.lanes.end_marked_elsewhere()
        retained += _finish([future.result() for future in pending if future in done])
        pending = [future for future in pending if future not in done]
    return retained


def _finish(handled: Sequence[Handled]) -> list[Retained]:
    """What stays of those that are done. Moves and lines do not wait for the others: this process may be killed."""
    moves = [one.moved for one in handled if one.moved]
    retained = [record for one in handled for record in one.retained]
    write_lines()
    return retained + _send(moves)


def _by_delivery(records: Sequence[Record], lane: Lane) -> tuple[dict[tuple[str, str], list[Received]], list[Retained]]:
    """The messages of each delivery together, as there may be copies; and the records that are no message of ours."""
    copies: dict[tuple[str, str], list[Received]] = {}
    unreadable: list[Retained] = []
    for record in records:
        try:
            message = from_record(record, lane)
        except (KeyError, ValueError):
            logger.error("message.unreadable", message_id=record["messageId"])
            unreadable.append((record, None))
        else:
            copies.setdefault(message.key(), []).append((record, message))
    return copies, unreadable


def _handle(worker: DeliveryWorker, group: list[Received], snapshot: Snapshot) -> Handled:
    """One POST per delivery per batch: the first copy goes ahead, the others follow its outcome."""
    (first, _), *others = group
    try:
        handling = worker.handle(snapshot)
        returns = [(first, handling.visible_at)]
        returns += [(record, worker.copy_visible_at(copy, handling.snapshot)) for record, copy in others]
    except Exception:
        return Handled(_our_fault(record for record, _ in group))
    retained: list[Retained] = [(record, visible_at) for record, visible_at in returns if visible_at]
    return Handled(retained, Moved(first, handling.moved) if handling.moved else None)


def _send(moves: Sequence[Moved]) -> list[Retained]:
    """Sends messages to the other queues. What cannot be sent stays where it is, and moves the next time."""
    try:
        unsent = delivery_queues().send([move.message for move in moves])
    except Exception:
        return _our_fault(move.record for move in moves)
    if not unsent:
        return []
    logger.error("delivery.not_moved", messages=len(unsent))
    count("OurFault")
    return [(move.record, _soon()) for move in moves if move.message in unsent]


def _our_fault(records: Iterable[Record]) -> list[Retained]:
    """Call it while the exception is being handled."""
    logger.exception("delivery.our_fault")
    count("OurFault")
    return [(record, _soon()) for record in records]


def _soon() -> datetime:
    return now() + timedelta(seconds=OUR_FAULT_SECONDS)
