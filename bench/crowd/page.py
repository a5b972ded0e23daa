"""The simulation's section of bench/results.md, and its chart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import chart
from bench.crowd import plan
from bench.tables import table

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
CHART = HERE.parent / "charts" / "crowd.svg"
_COLUMNS = (
    "| | design | p50 | p95 | p99 | ÷ all alive | worst account's p99 | batches at a time: mean | peak | "
    "retries late, p99 s | $ a million events |"
)


def section(found: Mapping[str, Any]) -> str:
    alive = next(iter(found["scenarios"].values()))
    rows = [
        _row(scenario if index == 0 else "", design, figures, alive[design])
        for scenario, by_design in found["scenarios"].items()
        for index, (design, figures) in enumerate(by_design.items())
    ]
    text = Path(__file__).with_suffix(".md").read_text()
    return text.strip().format(
        total=plan.CONCURRENCY,
        first=plan.CONCURRENCY - plan.RETRY_CONCURRENCY,
        retry=plan.RETRY_CONCURRENCY,
        size=plan.RETRY_BATCH,
        scenarios=table(_COLUMNS, rows),
        retry_lanes=_retry_lanes(found),
    )


def stored() -> str | None:
    """The section of the last simulation."""
    return section(json.loads(FIGURES.read_text())) if FIGURES.exists() else None


def _row(scenario: str, design: str, figures: Mapping[str, Any], alive: Mapping[str, Any]) -> str:
    least = "≥ " if figures["missing"] > 0.01 else ""
    ratio = f"{figures['p99'] / alive['p99']:,.1f}"
    return (
        f"| {scenario} | {design} | {figures['p50']:,.0f} | {figures['p95']:,.0f} | {least}{figures['p99']:,.0f} | "
        f"{least}{ratio} | {figures['worst']:,.0f} | {figures['mean_running']:.0f} | {figures['peak_running']} | "
        f"{figures['retries_late']:.1f} | {figures['dollars']:.2f} |"
    )


def _retry_lanes(found: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {scenario} | {figures['retry_fill']:.0f} | {figures['p99']:,.0f} | "
        f"{figures['mean_running']:.0f} | {figures['retries_late']:.1f} | {figures['dollars']:.2f} |"
        for name, by_scenario in found["retry lanes"].items()
        for scenario, figures in by_scenario.items()
    ]
    head = "| messages × batches | | messages in a batch | healthy p99 | batches at a time | retries late, p99 s | $ |"
    return table(head, rows)


def draw(found: Mapping[str, Any]) -> None:
    series: dict[str, list[tuple[float, float]]] = {}
    for scenario, by_design in found["scenarios"].items():
        if scenario.endswith("% dead"):
            for design, figures in by_design.items():
                series.setdefault(design, []).append((float(scenario.split()[0]), figures["p99"]))
    title = "Healthy deliveries' p99, ms, by dead webhooks"
    CHART.write_text(chart.lines(title, series, across="% of webhooks dead", log_up=True))
