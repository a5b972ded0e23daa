"""A delivery of one event to one webhook, and its attempts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from webhooks.delivery_places import log_place, pending_place
from webhooks.times import parse_time

DeliveryStatus = Literal["pending", "retrying", "delivered", "failed", "cancelled"]
FINAL: frozenset[DeliveryStatus] = frozenset({"delivered", "failed", "cancelled"})

ErrorCode = Literal[
    "status",
    "timeout",
    "connect_timeout",
    "dns",
    "connection_refused",
    "connection_closed",
    "connection_failed",
    "tls_certificate",
    "tls_handshake",
    "tls_not_spoken",
    "address_not_public",
    "address_ipv6_only",
    "url_not_allowed",
    "protocol",
    "not_attempted",
]
"""Why an attempt failed, for programs: docs/why-not-arrived.md explains each."""

ATTEMPTS_KEPT = 40
"""A delivery shows its last 40 attempts, over all rounds."""

STRANDED_AFTER = timedelta(hours=3)
"""Longer than a dead letter is put off for at a time (`deliver.unattempted`), and than a backlog should last."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One POST and its result. `error` is None exactly when the endpoint answered 200 in time; `error_code` is None then
    and for attempts of versions that had no codes. `retry_after`: the wait the endpoint asked for, in seconds.
    """

    number: int
    round: int
    at: str
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    response_body: str | None = None
    error_code: ErrorCode | None = None
    retry_after: int | None = None
    redirect_to: str | None = None
    """The `Location` of a redirect, in the endpoint's own words: it is shown to the customer only."""

    def ended(self) -> datetime:
        return parse_time(self.at) + timedelta(milliseconds=self.duration_ms)

    def says_gone(self) -> bool:
        """Whether the endpoint asks for no more events, by 410 (Gone)."""
        return self.status_code == 410


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `version` grows with every write, so that a writer can tell that it was first."""

    webhook_id: str
    account_id: str
    event_id: str
    event: str
    accepted_at: str
    status: DeliveryStatus
    round: int
    round_started_at: str
    attempts: list[Attempt] = field(default_factory=list)
    next_attempt_at: str | None = None
    test: bool = False
    version: int = 0
    message_id: str | None = None
    """
    The id of the queue message that makes the next attempt. Where a new message takes the place of another, its id is not
    known when this is written: here is the other's `DeliveryMessage.successor_id`.
    """

    def is_final(self) -> bool:
        return self.status in FINAL

    def sort_key(self) -> str:
        """Its place in the webhook's log."""
        return log_place(self.accepted_at, self.event_id)

    def pending_place(self) -> str:
        """Its place among the webhook's pending deliveries, while it is one."""
        return pending_place(self.round_started_at, self.sort_key())

    def is_stranded(self, at: datetime) -> bool:
        """Whether nothing is on its way any more: three hours overdue, though not final."""
        last = self.attempts[-1].ended() if self.attempts else parse_time(self.round_started_at)
        due = max(last, parse_time(self.next_attempt_at or self.round_started_at))
        return not self.is_final() and at - due > STRANDED_AFTER

    def in_round(self, round: int, started_at: str) -> Delivery:
        """The delivery at the start of a later round. The attempts of earlier rounds stay in the log."""
        return replace(
            self,
            status="pending",
            round=round,
            round_started_at=started_at,
            next_attempt_at=None,
            message_id=None,
        )

    def attempts_in(self, round: int) -> int:
        """How many attempts of the round are recorded: the only count that decides about retries."""
        return sum(attempt.round == round for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What statistics need of a delivery. `answered_ms`: how long each answer took, of the attempts that got one."""

    accepted_at: str
    status: DeliveryStatus
    attempts: int
    answered_ms: list[int]
