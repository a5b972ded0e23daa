"""Simulated time: events in the order of their times."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Happening = Callable[[Any], None]


class Clock:
    def __init__(self, begins: float) -> None:
        self.now = begins
        self._heap: list[tuple[float, int, Happening, Any]] = []
        self._pushed = 0

    def at(self, time: float, happens: Happening, argument: Any = None) -> None:
        self._pushed += 1
        heappush(self._heap, (time, self._pushed, happens, argument))

    def run_until(self, time: float) -> None:
        """All that happens before it."""
        heap = self._heap
        while heap and heap[0][0] < time:
            self.now, _, happens, argument = heappop(heap)
            happens(argument)
        self.now = time
