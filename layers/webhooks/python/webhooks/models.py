"""A webhook."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from webhooks.deliveries import Delivery, ErrorCode
from webhooks.times import parse_time

WebhookStatus = Literal["active", "failing", "disabled"]
Lane = Literal["delivery", "retry"]
"""Which of the two queues: first attempts, or retries and everything of slow webhooks."""

GONE = "answered 410: gone for good"
"""Why a webhook is disabled, in words."""


def token_sha256(token: str) -> str:
    """Returns the hash by which a test address is looked up. The token has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_id(prefix: str) -> str:
    """`<prefix>_` and 128 random bits, within `[A-Za-z0-9_-]{1,64}`."""
    return f"{prefix}_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """
    A customer's endpoint. `failing_*` are set while `status` is `failing`, `disabled_at` while it is `disabled`; the other
    `disabled_*`, too, unless a person disabled it. `version` counts a person's edits.
    """

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
    whatsapp_account_ids: list[str] = field(default_factory=list)
    """If not empty, only events of these WhatsApp accounts are for it."""
    failing_since: str | None = None
    failing_reason: str | None = None
    failing_code: ErrorCode | None = None
    failing_event_id: str | None = None
    disabled_at: str | None = None
    disabled_reason: str | None = None
    disabled_event_id: str | None = None
    previous_secret: str | None = None
    previous_expires_at: str | None = None
    version: int = 1
    slow_since: str | None = None
    """While it is in the slow lane."""
    prompt_since: str | None = None
    """When it last left the slow lane."""
    max_per_second: int | None = None
    """Its pace, 1 to 1,000 deliveries a second; None for none."""
    catch_up: bool = False
    """Whether what fails in an outage is sent again automatically when it is over (`webhooks.catch_ups`)."""
    catch_up_hours: int = 24
    """How old that may be, 1 to 168."""
    inbox: str | None = None
    """The SHA-256 of the token of the test address that the webhook was made with (`webhooks.inboxes`)."""

    @property
    def lane(self) -> Lane:
        """Where its first attempts go."""
        return "retry" if self.slow_since else "delivery"

    @property
    def has_test_address(self) -> bool:
        """Whether it has one, and still points to it."""
        return self.inbox is not None and self.inbox == token_sha256(self.url.rpartition("/")[2])

    def failed_by(self, delivery: Delivery, at: str) -> Webhook:
        """The webhook, failing since `at` because of the delivery's last attempt."""
        last = delivery.attempts[-1]
        return replace(
            self,
            status="failing",
            failing_since=at,
            failing_reason=last.error,
            failing_code=last.error_code,
            failing_event_id=delivery.event_id,
        )

    def recovered(self) -> Webhook:
        return replace(
            self, status="active", failing_since=None, failing_reason=None, failing_code=None, failing_event_id=None
        )

    def ended_by(self, delivery: Delivery, at: str) -> Webhook:
        """The webhook, disabled because its endpoint said at the delivery that it is gone."""
        return replace(
            self.recovered(),
            status="disabled",
            disabled_at=at,
            disabled_reason=GONE,
            disabled_event_id=delivery.event_id,
        )

    def switched(self, *, enabled: bool, at: str) -> Webhook:
        """
        The webhook, enabled or disabled by a person. One that is already disabled keeps its `disabled_at`, from which the id
        of the operational event is derived, and the reason.
        """
        if enabled:
            return replace(self.recovered(), disabled_at=None, disabled_reason=None, disabled_event_id=None)
        return replace(self.recovered(), status="disabled", disabled_at=self.disabled_at or at)

    def status_fields(self) -> dict[str, Any]:
        """The status and what explains it, which change together."""
        return {name: getattr(self, name) for name in _STATUS}

    def has_recovered(self, delivery: Delivery) -> bool:
        """Whether the delivery has a 200 that is newer than the webhook's failing."""
        if self.status != "failing" or self.failing_since is None:
            return False
        since = parse_time(self.failing_since)
        return any(attempt.error is None and attempt.ended() >= since for attempt in delivery.attempts)

    def signing_secrets(self, at: datetime) -> list[str]:
        """The secrets that sign an attempt made `at`: the current one first, the previous one while it overlaps."""
        if self.previous_secret and self.previous_expires_at and at < parse_time(self.previous_expires_at):
            return [self.secret, self.previous_secret]
        return [self.secret]


_STATUS = (
    "status",
    "disabled_at",
    "disabled_reason",
    "disabled_event_id",
    "failing_since",
    "failing_reason",
    "failing_code",
    "failing_event_id",
)
