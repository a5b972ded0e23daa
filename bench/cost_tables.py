"""The cost page's tables: parts by fan-out, and a total for each endpoint latency and what else matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench import retry_fill
from bench.cost import MILLION, invocation, per_million, total, unwanted
from bench.durations import DYNAMODB_MS
from bench.load import FULL_CPU_MB, Load, Measured
from bench.month import LOW, Customer, dollars
from bench.tables import table

WIDTHS = (1, 2, 5, 10, 100)
LATENCIES = (50.0, 300.0, 1000.0, 5000.0)
API_SIZES = (256, 512, 1024, 1769)
_LARGE = 50
"""The README's `retry_concurrency` for a large account."""


def parts(model: Measured) -> str:
    loads = {"fan-out 1": Load(), "1, in tens": Load(together=10)}
    loads |= {str(width): Load(fan_out=width) for width in WIDTHS[1:]}
    columns = [per_million(load, model) for load in loads.values()]
    rows = [f"| {name} | {' | '.join(f'{column[name]:.2f}' for column in columns)} |" for name in columns[0]]
    rows.append(f"| **all** | {' | '.join(f'**{sum(column.values()):.2f}**' for column in columns)} |")
    return table(f"| $ per million | {' | '.join(loads)} |", rows)


def nobodys(model: Measured) -> str:
    """Events that nobody wants, by their parts."""
    columns = [unwanted(Load(together=together), model) for together in (1, 10, 100)]
    rows = [f"| {name} | {' | '.join(f'{column[name]:.2f}' for column in columns)} | 0 |" for name in columns[0]]
    rows.append(f"| **all** | {' | '.join(f'**{sum(column.values()):.2f}**' for column in columns)} | **0** |")
    return table("| $ per million events | one by one | in tens | in hundreds | skipped |", rows)


def _grid(model: Measured, name: str, loads: Mapping[str, Load]) -> str:
    rows = [
        f"| {label} | {' | '.join(f'{total(replace(load, latency_ms=ms), model):.2f}' for ms in LATENCIES)} |"
        for label, load in loads.items()
    ]
    return table(f"| {name} | {' | '.join(f'{ms:g} ms' for ms in LATENCIES)} |", rows)


def widths(model: Measured) -> str:
    return _grid(model, "fan-out, full batches", {str(width): Load(fan_out=width) for width in WIDTHS})


def fills(model: Measured) -> str:
    return _grid(model, "messages in a batch, fan-out 1", {str(fill): Load(batch=fill) for fill in (1, 2, 5, 10)})


def dead(model: Measured) -> str:
    return _grid(
        model,
        "dead endpoints' share of deliveries, fan-out 1",
        {f"{share:g} %": Load(dead=share / 100) for share in (0, 0.1, 1, 10, 100)},
    )


def retries(model: Measured) -> str:
    rows = []
    for rate in retry_fill.RATES:
        filled = [retry_fill.average_batch(rate, concurrency) for concurrency in (2, _LARGE)]
        costs = [total(Load(dead=1, retry_batch=fill), model) for fill in filled]
        rows.append(f"| {rate:g} | {filled[0]:.1f} | {costs[0]:.2f} | {filled[1]:.1f} | {costs[1]:.2f} |")
    head = "| dead deliveries a second | messages in a batch | $ per million |"
    return table(f"{head} with `retry_concurrency` {_LARGE} | $ per million |", rows)


def memory(model: Measured) -> str:
    return _grid(model, "memory, fan-out 1", {f"{mb} MB": Load(memory_mb=mb) for mb in (256, 512, 1024, 1769)})


def api_memory(cpu_ms: Mapping[str, float]) -> str:
    """The API's calls by memory: how long they take, and dollars for a million of Lambda's part."""
    rows = []
    for name in ("read a webhook", "publish an event", "create a webhook", "publish a batch of 100"):
        took = {mb: cpu_ms[name] * max(FULL_CPU_MB / mb, 1) + 3 * DYNAMODB_MS for mb in API_SIZES}
        cells = (f"{ms:.0f} ms, ${invocation(ms, mb) * MILLION:.2f}" for mb, ms in took.items())
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return table(f"| call, warm | {' | '.join(f'{mb} MB' for mb in API_SIZES)} |", rows)


def month(model: Measured, fixed: float) -> str:
    """`fixed`: dollars a month that do not depend on traffic."""
    customer = Customer()
    ways = {
        "one by one, all events": {"together": 1, "skipping": False},
        "one by one, unwanted ones skipped": {"together": 1, "skipping": True},
        "in tens, all events": {"together": 10, "skipping": False},
        "in tens, unwanted ones skipped": {"together": 10, "skipping": True},
    }
    rows = []
    for name, way in ways.items():
        varies = dollars(customer, model, together=int(way["together"]), skipping=bool(way["skipping"]))
        rows.append(f"| {name} | {varies:.2f} | {varies + fixed:.2f} |")
    return table("| published | $ for traffic | $ with what is paid by the month |", rows)


def low(model: Measured) -> float:
    """Dollars per million deliveries when no two are in a batch."""
    return total(LOW, model)
