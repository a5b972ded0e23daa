"""An event as it is stored, and who subscribes to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache

from webhooks.models import Lane


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What was first accepted under this id; it never changes."""

    account_id: str
    event_id: str
    event: str
    body: str
    accepted_at: str
    webhooks: int | None = field(default=None, compare=False)
    """How many it was sent to when it was first published; None for events of versions that did not count them."""

    def whatsapp_account_id(self) -> str | None:
        """The WhatsApp account that its data names; None if it names none, or not by a string."""
        return _whatsapp_account_id(self.body)


@lru_cache(maxsize=1)  # many webhooks may ask for it, one event after the other
def _whatsapp_account_id(body: str) -> str | None:
    try:
        named = json.loads(body)["data"].get("whatsapp_account_id")
    except RecursionError:  # nested so deeply that it could just be written
        return None
    return named if isinstance(named, str) else None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What fanout knows of a webhook: no secret, no URL."""

    webhook_id: str
    events: frozenset[str]
    enabled: bool
    lane: Lane
    whatsapp_account_ids: frozenset[str] = frozenset()
    """If not empty, only events of these WhatsApp accounts."""
    max_per_second: int | None = None

    def wants(self, event: StoredEvent) -> bool:
        if not self.enabled or event.event not in self.events:
            return False
        return not self.whatsapp_account_ids or event.whatsapp_account_id() in self.whatsapp_account_ids
