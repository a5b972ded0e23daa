"""Catching up of one webhook: what it is about, and how far it is. docs/catch-up.md says what it means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from webhooks.deliveries import Delivery
from webhooks.times import now, parse_time, rfc3339

CatchUpState = Literal["waiting", "sending", "done", "given_up", "stopped"]

SentAgain = Literal["waiting", "given_up", "stopped", "too_old"]
"""Whether a failed delivery is sent again automatically: it is when the endpoint works, or is no more."""

PROBES = (timedelta(minutes=15), timedelta(hours=1), *(timedelta(hours=hours) for hours in range(3, 72, 6)))
"""When an endpoint is probed, counted from when its webhook became failing."""

GIVEN_UP_AFTER = timedelta(days=3)

EARLIER = timedelta(hours=1)
"""
An event that fails in an outage may have been accepted so long before it: it was being retried, or waited in a queue. And
what was sent again has, for the same reasons, arrived or failed so long after the last of it was sent.
"""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """
    The last catching up of a webhook, with events that were accepted from `since` on. While `waiting`, it waits for the end
    of the outage that began at `failing_since`. `sent` of about `total` deliveries were sent again; the log is read on from
    the place `after`.
    """

    webhook_id: str
    account_id: str
    state: CatchUpState
    since: str
    failing_since: str
    due_at: str | None = None
    pauses: int = 0
    after: str | None = None
    sent: int = 0
    total: int = 0
    ended_at: str | None = None
    version: int = 1

    def is_over(self) -> bool:
        return self.due_at is None

    def ended(self, state: CatchUpState) -> CatchUp:
        return replace(self, state=state, due_at=None, ended_at=rfc3339(now()))

    def followed_by(self, begun: CatchUp, *, again: bool) -> CatchUp | None:
        """
        Returns what to store when an outage begins: this one while it is under way, else the one that was `begun`. None if
        the outage is known already, unless somebody wants it `again`.

        `done` says that all was sent, not that it arrived: what an outage soon after it has made fail is sent again, too.
        """
        known = self.failing_since >= begun.failing_since
        if not self.is_over():
            return None if known else self  # written anew, so that a look at this moment does not end it
        if known and not again:
            return None
        ended_at = self.ended_at or ""
        if self.state == "done" and ended_at > rfc3339(parse_time(begun.failing_since) - EARLIER):
            since, pauses = min(self.since, begun.since), self.pauses + 1
            begun = replace(begun, since=since, pauses=pauses, sent=self.sent, total=self.total)
        return replace(begun, version=self.version)

    def sends_again(self, delivery: Delivery, *, hours: int) -> SentAgain | None:
        """
        Says whether a delivery is sent again, if it is at most so many hours old. None if it did not fail in this outage, or
        only after all was over.
        """
        end = self.ended_at or rfc3339(now())
        failed = delivery.status == "failed" and delivery.round_started_at <= end
        if not failed or not self.since <= delivery.accepted_at <= end:
            return None
        if delivery.accepted_at < rfc3339(parse_time(end) - timedelta(hours=hours)):
            return "too_old"
        if self.state == "done":
            return None
        return "waiting" if self.state == "sending" else self.state

    def with_next_probe(self) -> CatchUp:
        """The next one that is still to come; without any, what remains is to give up."""
        began = parse_time(self.failing_since)
        times = [began + after for after in (*PROBES, GIVEN_UP_AFTER)]
        return replace(self, due_at=rfc3339(next((time for time in times if time > now()), times[-1])))
