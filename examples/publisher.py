"""
What AIsoule's backend keeps so that it does not publish what nobody wants: Python 3.9, standard library only.

Where several processes publish, keep `_known` in a store that they share, such as Redis: a queue hands each
`account.subscriptions_changed` to one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Subscribers:
    """
    The event types that each account subscribes to. Fails open: whatever is unknown is wanted.

    `read` is GET /v1/subscriptions?account_id=…, with a short timeout; it may raise anything.
    """

    def __init__(
        self,
        read: Callable[[str], dict[str, Any]],
        max_age: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._max_age = max_age
        self._clock = clock
        self._known: dict[str, dict[str, Any]] = {}
        self._read_at: dict[str, float] = {}

    def changed(self, detail: dict[str, Any]) -> None:
        """
        Call it with the `detail` of each `account.subscriptions_changed`, in whatever order they come. It may be late, and
        newer ones missed: until the account has been read, it is no reason to skip anything.
        """
        known = self._known.get(detail["account_id"])
        # A table that was restored has lower versions: what is old gives way to them, too.
        if known is None or detail["version"] >= known["version"] or self._is_old(known["at"]):
            self._known[detail["account_id"]] = {**detail, "at": self._clock()}

    def wants(self, account_id: str, event: str) -> bool:
        """False only if nobody wants the event: then there is no need to publish it."""
        if account_id not in self._read_at or self._is_old(self._read_at[account_id]):
            try:
                self.changed(self._read(account_id))
            except Exception:
                return True
            self._read_at[account_id] = self._clock()
        return event in self._known[account_id]["events"]

    def _is_old(self, at: float) -> bool:
        return self._clock() - at > self._max_age
