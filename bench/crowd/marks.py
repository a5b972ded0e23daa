"""Which webhooks are in the slow lane, by the real decision, written a moment after it was made."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from bench.crowd.clock import Clock
from bench.crowd.moments import BEGAN, rfc3339_at
from deliver.lanes import SLOW_SECONDS, lane_after
from webhooks.deliveries import Attempt
from webhooks.models import Lane, Webhook

_PROMPT = Webhook("wh", "acme", "n", "https://example.com/", [], "active", "s", BEGAN, BEGAN)


class Marks:
    def __init__(self, clock: Clock, delay: float) -> None:
        self._clock, self._delay = clock, delay
        self._webhooks: dict[int, Webhook] = {}
        self._slow: set[int] = set()
        self._marking: dict[int, tuple[int, float]] = {}
        """Of webhooks that are about to be marked while an attempt is under way: the attempt's batch, and when."""
        self.written = 0

    def __contains__(self, webhook: int) -> bool:
        return webhook in self._slow

    def webhook(self, number: int) -> Webhook:
        """As it is read now."""
        return self._webhooks.get(number, _PROMPT)

    def attempted(self, number: int, message: int, at: float, attempt: Attempt, batch: int) -> bool:
        """
        Of an attempt that begins `at`: its webhook is marked while it is under way, and when it has ended. Whether its
        batch is the one that marks the webhook as slow.
        """
        webhook, took = self.webhook(number), attempt.duration_ms / 1000
        first = True
        if took > SLOW_SECONDS and webhook.lane == "delivery":
            marked_at = at + SLOW_SECONDS + self._delay
            if self._marking.get(number, (0, -inf))[1] <= at:  # none, or one of an earlier time
                self._marking[number] = batch, marked_at
                self._clock.at(marked_at, self._mark, (number, webhook, "retry"))
            first = self._marking[number][0] == batch
        lane = lane_after(webhook, attempt, f"event-{message}")
        if lane != webhook.lane:
            self._clock.at(at + took + self._delay, self._mark, (number, webhook, lane))
        return first

    def _mark(self, change: tuple[int, Webhook, Lane]) -> None:
        """A conditional write: if it is still in the lane in which it was read."""
        number, read, lane = change
        now = self.webhook(number)
        if now.slow_since != read.slow_since:
            return
        self.written += 1
        at = rfc3339_at(self._clock.now)
        if lane == "retry":
            self._webhooks[number] = replace(now, slow_since=at)
            self._slow.add(number)
        else:
            self._webhooks[number] = replace(now, slow_since=None, prompt_since=at)
            self._slow.discard(number)
