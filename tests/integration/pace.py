"""How late this machine is at the moment: a bound in seconds must not fail because something else runs on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_STEP = 0.02
_STEPS_OF_AN_ATTEMPT = 10
"""How often, about, an attempt waits for its turn."""


class Pace:
    def __init__(self) -> None:
        self._worst = 0.0
        self._over = threading.Event()

    def bound(self, seconds: float) -> float:
        """The bound, and what an attempt may have lost by waiting for the processor."""
        return seconds + _STEPS_OF_AN_ATTEMPT * self._worst

    def measure(self) -> None:
        while True:
            began = time.monotonic()
            if self._over.wait(_STEP):
                return
            self._worst = max(self._worst, time.monotonic() - began - _STEP)

    def stop(self) -> None:
        self._over.set()


@contextmanager
def pace() -> Iterator[Pace]:
    """Of the time that is spent within; ask for bounds afterwards."""
    measured = Pace()
    thread = threading.Thread(target=measured.measure, daemon=True)
    thread.start()
    try:
        yield measured
    finally:
        measured.stop()
        thread.join()
