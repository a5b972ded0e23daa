"""The section of bench/results.md about a dead endpoint's neighbours, from the runs kept beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.tables import table

HERE = Path(__file__).parent
BEFORE, AFTER = HERE / "before.json", HERE / "after.json"
_WINDOW = "p50 | p95 | p99 | ÷ without"
_COLUMNS = f"| queues | dead | {_WINDOW} | whole run: {_WINDOW} | simulated: p50 | p95 | p99 |"


def stored() -> str | None:
    """None as long as nothing was measured."""
    kept = [measured for path in (BEFORE, AFTER) if path.exists() for measured in json.loads(path.read_text())]
    return section(kept) if kept else None


def section(kept: list[Mapping[str, Any]]) -> str:
    rows = [row for measured in kept for row in _rows(measured)]
    return Path(__file__).with_suffix(".md").read_text().strip().format(rows=table(_COLUMNS, rows))


def _rows(measured: Mapping[str, Any]) -> list[str]:
    """The first run is the one without dead ones."""
    without = next(iter(measured["runs"].values()))
    return [
        f"| {measured['queues']} | {share} % | {_cells(figures['settled'], without['settled'])} | "
        f"{_cells(figures['whole'], without['whole'])} | {_quantiles(figures['simulated'])} |"
        for share, figures in measured["runs"].items()
    ]


def _cells(figures: Mapping[str, float], without: Mapping[str, float]) -> str:
    return f"{_quantiles(figures)} | {figures['p99'] / without['p99']:.1f}"


def _quantiles(figures: Mapping[str, float]) -> str:
    return " | ".join(f"{figures[name]:,.0f}" for name in ("p50", "p95", "p99"))
