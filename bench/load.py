"""What the cost model is asked about, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass

ATTEMPTS = 4
TIMEOUT_MS = 5000.0
FULL_CPU_MB = 1769
"""Lambda gives a function a whole CPU at this memory size, and of it in proportion below."""


@dataclass(frozen=True)
class Measured:
    """CPU in ms on one core, sizes in bytes."""

    deliver_batch_ms: float
    """The part of a batch's CPU that does not depend on how full it is."""
    deliver_each_ms: float
    fanout_event_ms: float
    fanout_each_ms: float
    """For each webhook that wants the event."""
    fanout_tens_ms: float
    """For an event that one webhook wants, one of ten that came together, each of another account."""
    fanout_unwanted_ms: float
    event_item: int
    delivery_item: int
    dead_item: int
    """A delivery with four attempts that had no answer."""
    webhook_item: int
    message: int
    post: int
    fanout_log: int
    fanout_tens_log: int
    unwanted_log: int
    deliver_batch_log: int
    deliver_each_log: int
    failed_log: int
    """What deliver logs of an attempt that failed."""


@dataclass(frozen=True)
class Load:
    """
    `together`: events in an entry on the bus, each of another account. `dead`: the share of deliveries whose endpoint never
    answers; their attempts are all made from the retry queue, in batches of `retry_batch` on average. `others`: webhooks
    of the account that do not want the event. `memory_mb`: of fanout, deliver and the dead-letters function, as deployed.
    """

    fan_out: int = 1
    together: int = 1
    batch: int = 10
    retry_batch: float = 40
    latency_ms: float = 300.0
    dead: float = 0.0
    others: int = 0
    memory_mb: int = 256

    @property
    def attempts(self) -> float:
        """A delivery, on average."""
        return 1 - self.dead + ATTEMPTS * self.dead
