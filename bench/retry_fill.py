"""How many messages a batch of the retry lane has, by how many dead deliveries come in: bench.crowd's mapping, simulated."""

from __future__ import annotations

import random

from bench.crowd.clock import Clock
from bench.crowd.mapping import Mapping
from bench.crowd.plan import RETRY_BATCH, RETRY_WINDOW
from bench.crowd.queue import Queue
from bench.crowd.settings import Lane
from bench.load import ATTEMPTS

RATES = (0.01, 0.1, 0.25, 1.0, 2.5, 4.0)
"""Dead deliveries a second."""
SECONDS = 3600
BATCH_SECONDS = 5.1
_GROUPS = 50


def average_batch(dead_a_second: float, concurrency: int) -> float:
    """Attempts come at random times, independently: each waits for minutes before it is due."""
    rng, clock = random.Random(1), Clock(0.0)
    times: list[float] = []
    at = rng.expovariate(ATTEMPTS * dead_a_second)
    while at < SECONDS:
        times.append(at)
        at += rng.expovariate(ATTEMPTS * dead_a_second)
    queue = Queue([number % _GROUPS for number in range(len(times))], _GROUPS)

    def invoke(_: Mapping, batch: list[int]) -> float:
        ends = clock.now + BATCH_SECONDS
        for message in batch:
            clock.at(ends, queue.delete, message)
        return ends

    mapping = Mapping(Lane(RETRY_BATCH, RETRY_WINDOW, concurrency), queue, clock, invoke)

    def arrive(message: int) -> None:
        queue.show(message)
        mapping.offer()

    def tick(_: None) -> None:
        mapping.tick()
        clock.at(clock.now + 1, tick)

    for number, time in enumerate(times):
        clock.at(time, arrive, number)
    clock.at(0.0, tick)
    clock.run_until(SECONDS + 60)
    return mapping.messages / max(mapping.batches, 1)
