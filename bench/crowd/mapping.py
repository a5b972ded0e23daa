"""An event source mapping and the function behind it.

Pollers begin with five; while a full batch is left waiting, there are 300 a minute more, to the maximum concurrency. AWS
documents that much. How fast they become fewer it does not say: here, each minute as many as that minute needed, five at
least. A poller gathers a batch of its own until the batch is full or its window over, and waits for the invocation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bench.crowd.clock import Clock
from bench.crowd.queue import Queue
from bench.crowd.settings import Lane

PER_SECOND = 5
"""300 a minute."""
LEAST = 5


class Poller:
    __slots__ = ("batch", "batches")

    def __init__(self) -> None:
        self.batch: list[int] = []
        self.batches = 0


Invoke = Callable[["Mapping", list[int]], float]
"""Begins a batch now; when it will have ended."""


class Mapping:
    def __init__(self, lane: Lane, queue: Queue, clock: Clock, invoke: Invoke) -> None:
        self.lane, self.queue = lane, queue
        self._clock, self._invoke = clock, invoke
        self._waiting: deque[Poller] = deque(Poller() for _ in range(min(lane.pollers, lane.concurrency)))
        self.pollers = len(self._waiting)
        self.running = self.environments = 0
        self.batches = self.messages = 0
        self._needed = 0
        self._ticks = 0

    def offer(self) -> None:
        """A message has become visible."""
        while self.queue.visible and self._waiting:
            poller = self._waiting.popleft()
            before = len(poller.batch)
            # Those that gather take turns, each a message; without a window, the first takes what there is.
            poller.batch += self.queue.take(self.lane.size if self.lane.window == 0 else 1)
            if len(poller.batch) == before:  # the limit of messages in flight
                self._waiting.appendleft(poller)
                return
            self._go_on(poller, is_new=before == 0)

    def tick(self) -> None:
        """Each second."""
        self._ticks += 1
        wanted = self.pollers
        if self.queue.visible >= self.lane.size:
            wanted = min(self.pollers + PER_SECOND, self.lane.concurrency)
        elif self._ticks % 60 == 0:
            wanted = min(self.pollers, max(self._needed, LEAST))
            self._needed = self.pollers - len(self._waiting)
        while self.pollers < wanted:
            self.pollers += 1
            self._poll(Poller())
        while self.pollers > wanted and self._waiting and not self._waiting[-1].batch:
            self.pollers -= 1
            self._waiting.pop()

    def _poll(self, poller: Poller) -> None:
        poller.batch = self.queue.take(self.lane.size)
        if poller.batch:
            self._go_on(poller, is_new=True)
        else:
            self._waiting.append(poller)

    def _go_on(self, poller: Poller, *, is_new: bool) -> None:
        if self.lane.window == 0 or len(poller.batch) == self.lane.size:
            return self._start(poller)
        self._waiting.append(poller)
        if is_new:
            self._clock.at(self._clock.now + self.lane.window, self._window_over, (poller, poller.batches))

    def _window_over(self, of: tuple[Poller, int]) -> None:
        poller, batches = of
        if poller.batches == batches:
            self._waiting.remove(poller)
            self._start(poller)

    def _start(self, poller: Poller) -> None:
        poller.batches += 1
        self.running += 1
        self.batches += 1
        self.messages += len(poller.batch)
        self._needed = max(self._needed, self.pollers - len(self._waiting))
        self._clock.at(self._invoke(self, poller.batch), self._ended, poller)

    def _ended(self, poller: Poller) -> None:
        self.running -= 1
        self._poll(poller)
