"""CPU time of this process, interleaved, in medians."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Prepare = Callable[[], Callable[[], object]]
"""What is to be measured, made ready: only the call of what it returns counts."""

_WARM_UP = 5
"""Runs that are not counted."""


def interleaved(works: Mapping[str, Prepare], *, runs: int) -> dict[str, list[float]]:
    """CPU milliseconds (user and system, all threads) of each run; the works take turns, so noise hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for run in range(_WARM_UP + runs):
        for name, prepare in works.items():
            work = prepare()
            before = time.process_time_ns()
            work()
            took = time.process_time_ns() - before
            if run >= _WARM_UP:
                found[name].append(took / 1e6)
    return found


def medians(found: Mapping[str, list[float]], per: Mapping[str, int] | int = 1) -> dict[str, float]:
    """Each work's median, divided by the units in one run of it."""
    return {
        name: statistics.median(values) / (per if isinstance(per, int) else per[name]) for name, values in found.items()
    }


@contextmanager
def counted(*clients: Any) -> Iterator[Counter[str]]:
    """The requests that the boto3 clients send meanwhile, retries included, by the operation's name."""
    calls: Counter[str] = Counter()

    def count(event_name: str, **_: object) -> None:
        calls[event_name.rpartition(".")[2]] += 1

    for client in clients:
        client.meta.events.register("before-send.*.*", count)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-send.*.*", count)


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def write(path: str, figures: Mapping[str, Any]) -> None:
    Path(path).write_text(json.dumps(figures, indent=1))
