"""docs/cost.md and its chart, from the measurements and AWS's prices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import chart, idle, others, prices
from bench import cost_tables as tables
from bench.cost import invocation, kept_bytes, per_million, total
from bench.durations import DYNAMODB_MS, SQS_MS, deliver_ms, fanout_ms
from bench.goals import goals, measured
from bench.load import FULL_CPU_MB, Load, Measured
from bench.month import Customer
from bench.tables import table
from local.emulator import ROOT

VOLUMES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
METRICS, ALWAYS, OPTIONAL = 26, 4, ("FirstAttempts", "LateFirstAttempts", "CanaryMissed")
"""Custom metrics that the functions can write, those of them that every healthy delivery writes, and those of options."""


def write(found: Mapping[str, Any]) -> None:
    model, there = measured(found), found["idle"]["resources"]
    month = idle.monthly(there)
    fixed = sum(month.values()) + ALWAYS * prices.METRIC_MONTH.dollars
    template = Path(__file__).with_suffix(".md").read_text()
    text = template.format(
        custom=METRICS,
        always=ALWAYS * prices.METRIC_MONTH.dollars,
        idle_free=idle.after_allowances(there),
        by_api=_by_api(found),
        by_use=_by_use(model),
        prices=table("| dollars | for one | source | as of |", [_price(price) for price in prices.ALL]),
        parts=tables.parts(model),
        nobodys=tables.nobodys(model),
        widths=tables.widths(model),
        fills=tables.fills(model),
        dead=tables.dead(model),
        retries=tables.retries(model),
        memory=tables.memory(model),
        month=tables.month(model, fixed),
        customer=Customer(),
        low=tables.low(model),
        others=others.section(),
        idle=table("| idle, a month | $ |", [f"| {name} | {dollars:.2f} |" for name, dollars in month.items()]),
        idle_total=sum(month.values()),
        polls=idle.polls_a_month(there) / 1e6,
        measured=_measured(model),
        metrics=METRICS * prices.METRIC_MONTH.dollars,
        dynamodb_ms=DYNAMODB_MS,
        sqs_ms=SQS_MS,
        full=FULL_CPU_MB,
        mb=Load().memory_mb,
        share=100 * Load().memory_mb / FULL_CPU_MB,
        slower=FULL_CPU_MB / Load().memory_mb,
        fanout_ms=fanout_ms(Load(), model),
        deliver_ms=deliver_ms(Load(), model),
        more_memory=total(Load(memory_mb=512), model) - total(Load(), model),
        more_memory_dead=total(Load(dead=1, memory_mb=512), model) - total(Load(dead=1), model),
        handshakes=_handshakes(found, 256),
        handshakes_512=_handshakes(found, 512),
        stats=10 * 2**20 / 4096 / 2 * prices.READ.dollars,
        pitr=prices.PITR_GB_MONTH.dollars * kept_bytes(Load(), model) / 1e3,
        item_100=100 * prices.TABLE_GB_MONTH.dollars / 1e3,
        goals=_goals(found),
        most_memory=_most_memory(found, "deliver", "dead letters", "fanout"),
        most_api_memory=_most_memory(found, "api"),
        api_memory=tables.api_memory(found["api"]["cpu_ms"]),
    )
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "cost.md").write_text(text)
    (ROOT / "docs" / "cost.svg").write_text(_by_volume(model, sum(month.values())))
    ours = {"this, one by one": total(Load(), model), "this, in tens": total(Load(together=10), model)}
    bars = chart.bars("Dollars for one more million, by list price", others.metered(ours), unit="$")
    (ROOT / "docs" / "cost-others.svg").write_text(bars)


def _goals(found: Mapping[str, Any]) -> str:
    rows = [goal.row() for goal in goals(found) if goal.name.startswith("$")]
    return table("| goal | at most | figure | |", rows)


def _by_use(model: Measured) -> float:
    """Of a million at fan-out 1, without what is kept for 30 days and what goes over the wire."""
    parts = per_million(Load(), model)
    return sum(parts.values()) - parts["Table storage, 30 days"] - parts["Sent to endpoints"]


def _by_api(found: Mapping[str, Any]) -> float:
    """A million events with ids through the API: it reads the key, looks for the id, checks the event and puts it."""
    took: float = found["api"]["cpu_ms"]["publish an event"] * FULL_CPU_MB / 512 + 3 * DYNAMODB_MS
    return 1e6 * (prices.HTTP_API_REQUEST.dollars + 2 * prices.READ.dollars + invocation(took, 512))


def _handshakes(found: Mapping[str, Any], memory_mb: int) -> float:
    """Milliseconds that a whole batch of the retry queue computes if each of its attempts makes a new connection."""
    cpu: float = found["deliver"]["cpu_ms"]["10 new connections"]
    return 40 * cpu * FULL_CPU_MB / memory_mb


def _most_memory(found: Mapping[str, Any], *functions: str) -> float:
    """Megabytes, of these functions' largest work."""
    return max(float(mb) for work, mb in found["memory"].items() if work.partition(":")[0] in functions)


def _price(price: prices.Price) -> str:
    dollars = f"{price.dollars * 1e6:.3f} per million" if price.dollars < 1e-5 else f"{price.dollars:.10g}"
    return f"| {dollars} | {price.unit} | {price.source} | {price.date} |"


def _measured(model: Measured) -> str:
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
