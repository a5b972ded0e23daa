"""The nouns: a webhook, a delivery of one event to it, and the attempts of that delivery."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

WebhookStatus = Literal["active", "failing", "disabled"]
DeliveryStatus = Literal["pending", "retrying", "delivered", "failed", "cancelled"]

FINAL: frozenset[DeliveryStatus] = frozenset({"delivered", "failed", "cancelled"})
ATTEMPTS_KEPT = 40
"""A delivery shows its last 40 attempts, over all rounds."""


def now() -> datetime:
    return datetime.now(UTC)


def rfc3339(at: datetime) -> str:
    """UTC with exactly three decimals: sorts as text in the order of time. Rounds down to the millisecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> datetime:
    """The inverse of `rfc3339`. Raises ValueError for anything that carries no offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return at.astimezone(UTC)


def new_id(prefix: str) -> str:
    """`<prefix>_` and 128 random bits, within `[A-Za-z0-9_-]{1,64}`."""
    return f"{prefix}_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A customer's endpoint. `failing_*` are set while `status` is `failing`; `version` counts a person's edits."""

    id: str
    account_id: str
    name: str
    url: str
    events: list[str]
    status: WebhookStatus
    secret: str
    created_at: str
    updated_at: str
    headers: dict[str, str] = field(default_factory=dict)
    failing_since: str | None = None
    failing_reason: str | None = None
    failing_event_id: str | None = None
    disabled_at: str | None = None
    previous_secret: str | None = None
    previous_expires_at: str | None = None
    version: int = 1

    def accepts(self, event: str) -> bool:
        return self.status != "disabled" and event in self.events

    def signing_secrets(self, at: datetime) -> list[str]:
        """The secrets that sign an attempt made `at`: the current one first, the previous one while it overlaps."""
        if self.previous_secret and self.previous_expires_at and at < parse_time(self.previous_expires_at):
            return [self.secret, self.previous_secret]
        return [self.secret]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and what came of it. `error` is None exactly when the endpoint answered 200 in time."""

    number: int
    round: int
    at: str
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    response_body: str | None = None

    def ended(self) -> datetime:
        return parse_time(self.at) + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `version` moves with every write, so that a writer can tell it was first."""

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
    """Of the queue message that made the last attempt, and comes back for the next."""

    def is_final(self) -> bool:
        return self.status in FINAL

    def attempts_in(self, round: int) -> int:
        """How many attempts of the round are recorded: the only count that decides about retries."""
        return sum(attempt.round == round for attempt in self.attempts)
