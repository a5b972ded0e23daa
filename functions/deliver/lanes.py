"""Which lane a webhook's first attempts take: `delivery` with everybody's, or `retry` beside what waits and hangs.

A batch lasts as long as its slowest attempt, so one endpoint that hangs holds up the others of its batch. A webhook enters
the slow lane when an attempt has taken a second, or could not connect, and leaves it at a 200 within a second.

Each of several batches may have met the endpoint by then. The one that marks it waits for its answer; the first attempts in
the others end after one second, unrecorded, and have their 5 s in the slow lane. So an endpoint that has just begun
to hang holds up one batch, and all four POSTs of a delivery that is on its own are made as promised.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

from botocore.exceptions import ClientError

from deliver.watchdog import end_early
from webhooks.deliveries import Attempt, ErrorCode
from webhooks.models import Lane, Webhook
from webhooks.telemetry import count, logger
from webhooks.times import now, parse_time, rfc3339
from webhooks.webhook_marks import WebhookMarks

SLOW_SECONDS = 1.0
WAVERING = timedelta(hours=6)
"""A webhook that was slow again so soon after it left the slow lane wavers around a second."""

_LEAVE_ONE_IN = 20

_COULD_NOT_CONNECT: frozenset[ErrorCode] = frozenset(
    {"connect_timeout", "connection_refused", "connection_failed", "dns"}
)


def lane_after(webhook: Webhook, attempt: Attempt, event_id: str) -> Lane:
    """
    The webhook's lane after the attempt.

    One that left it less than six hours ago leaves again at one prompt 200 in twenty, chosen by the event's id, so that
    its lane changes no more often than every ten attempts on average, without anything being counted. One that has fewer
    than six attempts an hour may change more often: nobody notices.
    """
    prompt = attempt.duration_ms < SLOW_SECONDS * 1000
    if webhook.slow_since is None:
        return "delivery" if prompt and attempt.error_code not in _COULD_NOT_CONNECT else "retry"
    if attempt.error is not None or not prompt:
        return "retry"
    left = webhook.prompt_since
    wavers = left is not None and attempt.ended() - parse_time(left) < WAVERING
    return "retry" if wavers and zlib.crc32(event_id.encode()) % _LEAVE_ONE_IN else "delivery"


class LaneMarks:
    """
    Marks webhooks as slow while an attempt of a batch is still under way, or as prompt again: one write at each change.
    """

    def __init__(self, marks: WebhookMarks) -> None:
        self._marks = marks
        self._under_way: dict[int, tuple[Webhook, float]] = {}
        self._lock = threading.Lock()
        self._marked: set[str] = set()
        self._marked_elsewhere: set[str] = set()
        self._failed = False

    @contextmanager
    def attempting(self, webhook: Webhook) -> Iterator[None]:
        """Registers this thread as making an attempt until the block ends, so that `end_marked_elsewhere` can end it."""
        thread = threading.get_ident()
        with self._lock:
            self._under_way[thread] = webhook, monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[thread]

    def mark_overdue(self) -> None:
        """Call it repeatedly while attempts are under way."""
        with self._lock:
            overdue = self._overdue()
        for webhook in overdue.values():
            self._mark(webhook, "retry")

    def end_marked_elsewhere(self) -> None:
        """
        Ends the overdue attempts at webhooks that another invocation marked: they raise AttemptEnded. Not while a name is
        looked up. Call it repeatedly while first attempts are under way on the delivery lane.
        """
        with self._lock:  # so that none of the threads goes on to something else
            for thread, webhook in self._overdue().items():
                if webhook.id in self._marked_elsewhere:
                    end_early(thread)

    def _overdue(self) -> dict[int, Webhook]:
        began_by = monotonic() - SLOW_SECONDS
        return {thread: webhook for thread, (webhook, began) in self._under_way.items() if began <= began_by}

    def mark_after(self, webhook: Webhook, attempt: Attempt, event_id: str) -> None:
        self._mark(webhook, lane_after(webhook, attempt, event_id))

    def _mark(self, webhook: Webhook, lane: Lane) -> None:
        """Never raises: a missing mark costs time, no delivery. After a timeout the batch makes none, as each takes time."""
        with self._lock:
            if lane == webhook.lane or webhook.id in self._marked or self._failed:
                return
            self._marked.add(webhook.id)
        try:
            if self._marks.mark_lane(webhook, lane, rfc3339(now())):
                count("SlowLaneEntered" if lane == "retry" else "SlowLaneLeft")
                logger.info("webhook.lane_changed", account_id=webhook.account_id, webhook_id=webhook.id, lane=lane)
            elif lane == "retry":
                self._marked_elsewhere.add(webhook.id)
        except Exception as error:
            if not isinstance(error, ClientError):
                self._failed = True
            logger.exception("lane.unmarked", webhook_id=webhook.id)
