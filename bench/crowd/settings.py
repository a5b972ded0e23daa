"""What is simulated: the load, the two designs, and how long things take on AWS."""

from __future__ import annotations

from dataclasses import dataclass

RECEIVED_AT_ONCE = 10
"""SQS: messages of one receive, send or delete at most."""


@dataclass(frozen=True)
class Lane:
    """A queue and its mapping. `window` in seconds; `pollers` are there from the beginning."""

    size: int
    window: float
    concurrency: int
    pollers: int = 5


@dataclass(frozen=True)
class Design:
    """One lane: `retry` is None, and every attempt is made from the delivery queue, whose group is the account."""

    delivery: Lane
    retry: Lane | None = None
    fair: bool = True
    """The emulator's queues are not."""


@dataclass(frozen=True)
class Load:
    """Times in seconds. What is published before zero warms up and does not count."""

    accounts: int = 2000
    rate: float = 1000.0
    seconds: float = 600.0
    warm_up: float = 60.0
    zipf: float = 1.0
    median: float = 0.12
    sigma: float = 0.5
    """Of a healthy endpoint's answers: lognormal."""
    delays: tuple[int, ...] = (10, 60, 300)
    seed: int = 1


@dataclass(frozen=True)
class Times:
    """
    Seconds. A batch's own time is docs/scaling.md's, from CPU as measured and the seventh of one that 256 MB have: 0.2 s
    with ten messages, 0.6 s with forty. The rest is assumed.
    """

    fanout: float = 0.05
    """From publishing to the message's being on the queue."""
    batch: float = 0.06
    """A batch's calls of AWS, half before and half after its POSTs."""
    each: float = 0.0135
    """A message's CPU, half before and half after."""
    cold_start: float = 1.0
    """Of an environment more than there were."""
    mark: float = 0.15
    """Until a webhook's mark is seen: deliver looks every 250 ms, and then writes."""
    attempt: float = 5.0
    """After which an attempt is given up."""
