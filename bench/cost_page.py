"""docs/cost.md and its chart, from the measurements and AWS's prices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import chart, idle, prices
from bench import cost_tables as tables
from bench.cost import (
    DYNAMODB_MS,
    FULL_CPU_MB,
    SQS_MS,
    Load,
    Measured,
    deliver_ms,
    fanout_ms,
    kept_bytes,
    per_million,
    total,
)
from bench.goals import goals, measured
from bench.report import table
from local.emulator import ROOT

VOLUMES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
METRICS, ALWAYS = 18, 3
"""Custom metrics that the functions can write, and those of them that every healthy delivery writes."""


def write(found: Mapping[str, Any]) -> None:
    model, there = measured(found), found["idle"]["resources"]
    month = idle.monthly(there)
    template = Path(__file__).with_suffix(".md").read_text()
    text = template.format(
        custom=METRICS,
        always=ALWAYS * prices.METRIC_MONTH.dollars,
        idle_free=idle.after_allowances(there),
        by_api=_by_api(found),
        by_use=_by_use(model),
        prices=table("| dollars | for one | source | as of |", [_price(price) for price in prices.ALL]),
        parts=tables.parts(model),
        widths=tables.widths(model),
        fills=tables.fills(model),
        dead=tables.dead(model),
        memory=tables.memory(model),
        idle=table("| idle, a month | $ |", [f"| {name} | {dollars:.2f} |" for name, dollars in month.items()]),
        idle_total=sum(month.values()),
        polls=idle.polls_a_month(there.get("AWS::Lambda::EventSourceMapping", 0)) / 1e6,
        measured=_measured(model, found),
        metrics=METRICS * prices.METRIC_MONTH.dollars,
        dynamodb_ms=DYNAMODB_MS,
        sqs_ms=SQS_MS,
        full=FULL_CPU_MB,
        fanout_ms=fanout_ms(Load(), model),
        deliver_ms=deliver_ms(Load(), model),
        half=_half_memory(1, model),
        platform_log=_platform_log(1, model),
        pitr=_recovery(1, model),
        together_1=_together(1, model),
        together_10=_together(10, model),
        verdict=_verdict(found),
    )
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "cost.md").write_text(text)
    (ROOT / "docs" / "cost.svg").write_text(_by_volume(model, sum(month.values())))


def _verdict(found: Mapping[str, Any]) -> str:
    rows = [goal.row() for goal in goals(found) if goal.name.startswith("$")]
    return table("| goal | at most | figure | |", rows)


def _by_use(model: Measured) -> float:
    """Of a million at fan-out 1, without what is kept for 30 days and what goes over the wire."""
    parts = per_million(Load(), model)
    return sum(parts.values()) - parts["Table storage, 30 days"] - parts["Sent to endpoints"]


def _by_api(found: Mapping[str, Any]) -> float:
    """A million events through the API: its own invocation does nothing but check and put them."""
    took: float = found["api"]["cpu_ms"]["publish an event"] * FULL_CPU_MB / 512 + 2 * DYNAMODB_MS
    invocation = prices.LAMBDA_REQUEST.dollars + took / 1000 * 0.5 * prices.LAMBDA_GB_SECOND.dollars
    return 1e6 * (prices.HTTP_API_REQUEST.dollars + prices.READ.dollars + invocation)


def _half_memory(width: int, model: Measured) -> float:
    return total(Load(fan_out=width), model) - total(Load(fan_out=width, memory_mb=256), model)


def _platform_log(width: int, model: Measured) -> float:
    return prices.LOG_GB.dollars * model.platform_log * (1 / width + 1 / 10) / 1e3


def _recovery(width: int, model: Measured) -> float:
    return prices.PITR_GB_MONTH.dollars * kept_bytes(Load(fan_out=width), model) / 1e3


def _together(width: int, model: Measured) -> float:
    saved = _half_memory(width, model) + _platform_log(width, model) + _recovery(width, model)
    return total(Load(fan_out=width), model) - saved


def _price(price: prices.Price) -> str:
    dollars = f"{price.dollars * 1e6:.3f} per million" if price.dollars < 1e-5 else f"{price.dollars:.10g}"
    return f"| {dollars} | {price.unit} | {price.source} | {price.date} |"


def _measured(model: Measured, found: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {value:.2f} ms CPU |" if isinstance(value, float) else f"| {name} | {value} bytes |"
        for name, value in vars(model).items()
    ]
    return table("| measured | |", [row.replace("_", " ") for row in rows])


def _by_volume(model: Measured, month: float) -> str:
    fixed = month + ALWAYS * prices.METRIC_MONTH.dollars
    series = {
        f"fan-out {width}": [(float(n), n / 1e6 * total(Load(fan_out=width), model) + fixed) for n in VOLUMES]
        for width in (1, 10)
    }
    return chart.lines(
        "Dollars a month by deliveries a month, metrics and polling included",
        series,
        across="deliveries a month",
        log_up=True,
    )
