"""What is published when, and to whom: the same arithmetic for who publishes and for who measures."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

ACCOUNTS = 10
"""Healthy ones, a webhook each."""
DEAD = "dead"
"""The account of the endpoint that dies when the run begins."""
WARM_UP_SECONDS = 5


@dataclass(frozen=True)
class Run:
    """`share` of the events go to the endpoint that dies. `began_at` in Unix seconds: the warm-up is before it."""

    share: float
    rate: float
    seconds: float
    began_at: float

    def numbers(self) -> range:
        """Of all events in their order; those below zero are the warm-up."""
        return range(-int(WARM_UP_SECONDS * self.rate), int(self.seconds * self.rate))

    def published_at(self, number: int) -> float:
        return self.began_at + number / self.rate

    def is_for_dead(self, number: int) -> bool:
        """Evenly spread; in the warm-up too, while the endpoint is alive."""
        return floor((number + 1) * self.share) > floor(number * self.share)

    def account(self, number: int) -> str:
        return DEAD if self.is_for_dead(number) else f"alive-{number % ACCOUNTS}"

    def event_id(self, number: int) -> str:
        return f"event-{number + 100_000}"

    def healthy(self, *, after: float) -> list[int]:
        """The events for endpoints that are alive, published `after` seconds or later."""
        return [n for n in self.numbers() if n >= after * self.rate and not self.is_for_dead(n)]
