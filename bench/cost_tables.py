"""The cost page's tables: parts by fan-out, and a total for each endpoint latency and what else matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.cost import Load, Measured, per_million, total
from bench.report import table

WIDTHS = (1, 2, 5, 10, 100)
LATENCIES = (50.0, 300.0, 1000.0, 5000.0)


def parts(model: Measured) -> str:
    columns = [per_million(Load(fan_out=width), model) for width in WIDTHS]
    rows = [f"| {name} | {' | '.join(f'{column[name]:.2f}' for column in columns)} |" for name in columns[0]]
    rows.append(f"| **all** | {' | '.join(f'**{sum(column.values()):.2f}**' for column in columns)} |")
    return table(f"| $ per million | {' | '.join(f'fan-out {width}' for width in WIDTHS)} |", rows)


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


def memory(model: Measured) -> str:
    return _grid(model, "memory, fan-out 1", {f"{mb} MB": Load(memory_mb=mb) for mb in (256, 512, 1024, 1769)})
