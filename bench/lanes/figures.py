"""Quantiles of healthy deliveries, over a whole run and without its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.lanes.load import Run
from bench.measure import quantile

SETTLED_AFTER = 2.0
"""Seconds from the endpoint's death on which a goal counts."""

Figures = dict[str, Any]


def of_run(run: Run, took: Mapping[int, float]) -> Figures:
    """Milliseconds, of seconds by the event's number."""
    return {"whole": _quantiles(run, took, after=0), "settled": _quantiles(run, took, after=SETTLED_AFTER)}


def _quantiles(run: Run, took: Mapping[int, float], *, after: float) -> dict[str, float]:
    values = [took[number] * 1000 for number in run.healthy(after=after)]
    return {name: quantile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
