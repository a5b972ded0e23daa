"""bench/results.md: the goals first, then every figure, how it was measured, on what.

What was tried to make it faster stands in steps.md, kept by hand, because it happened once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import chart, machine
from bench.crowd import page as crowd
from bench.goals import goals
from bench.lanes import page as lanes
from bench.tables import table

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"
BEFORE = "## Steps tried"


def write(found: Mapping[str, Any]) -> None:
    _charts(found)
    parts = [
        _head(),
        _goals(found),
        _deliver(found),
        _fanout(found),
        _cold(found),
        _memory(found),
        _api(found),
        _end_to_end(found),
    ]
    parts += [_growth(found), *filter(None, (lanes.stored(), crowd.stored()))]
    parts += [(HERE / "steps.md").read_text().strip(), machine.summary(found)]
    RESULTS.write_text("\n\n".join(parts).rstrip() + "\n")


def replace_section(section: str) -> None:
    """In the page as it is, the section of the same title; a new one comes before the steps."""
    title = section.partition("\n")[0]
    sections = re.split(r"\n\n(?=## )", RESULTS.read_text().rstrip())
    titles = [text.partition("\n")[0] for text in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.insert(titles.index(BEFORE), section)
    RESULTS.write_text("\n\n".join(sections) + "\n")


def _head() -> str:
    return (
        "# Speed and cost, measured\n\nWritten by `make bench`. CPU times are of the measured process alone, user and "
        "system, all threads; medians; what is compared took turns in one process. Wall-clock times are marked as such. "
        "What it costs in dollars is in [docs/cost.md](../docs/cost.md)."
    )


def _goals(found: Mapping[str, Any]) -> str:
    return "## Goals\n\n" + table("| goal | at most | figure | |", [goal.row() for goal in goals(found)])


def _deliver(found: Mapping[str, Any]) -> str:
    cpu = found["deliver"]["cpu_ms"]
    rows = [
        f"| {name} | {value:.2f} | {value / cpu['floor of 1' if name.endswith('of 1') else 'floor']:.2f} |"
        for name, value in cpu.items()
    ]
    calls = ", ".join(f"{count} {name}" for name, count in found["deliver"]["calls"].items())
    failing = ", ".join(f"{count} {name}" for name, count in found["deliver"]["calls_failing"].items())
    return (
        "## deliver\n\nWarm, over kept-alive TLS to nginx, through `deliver.handler.lambda_handler` with all its "
        "bookkeeping. The goal's ratio is the median over the turns. The floor is a bare `requests.Session` (without the "
        "environment's proxies, which is cheaper) and one bare boto3 "
        "`UpdateItem` on a condition for each delivery.\n\n"
        + table("| work | CPU ms a delivery | ÷ floor |", rows)
        + f"\n\nAWS calls of a batch of ten: {calls}. When all ten fail: {failing}. The measuring process, which has boto3 "
        f"and the measurements in it, too, took {found['deliver']['peak_mb']:.0f} MB at most."
        "\n\n![deliver](charts/deliver.svg)"
    )


def _fanout(found: Mapping[str, Any]) -> str:
    fanout = found["fanout"]
    rows = [
        f"| {name} | {cpu:.2f} | {', '.join(f'{n} {call}' for call, n in fanout['calls'][name].items())} |"
        for name, cpu in fanout["cpu_ms"].items()
    ]
    one = "## fanout\n\n" + table("| webhooks that want the event | CPU ms an event | AWS calls |", rows)
    return f"{one}\n\n{batches(fanout['batch_cpu_ms'])}"


def batches(cpu_ms: Mapping[str, float]) -> str:
    rows = [f"| {name} | {cpu:.2f} | {cpu / cpu_ms['one by one']:.2f} |" for name, cpu in cpu_ms.items()]
    return table("| an event | CPU ms | ÷ one by one |", rows)


def _cold(found: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {start['cpu_ms']:.0f} | {start['floor_ms']:.0f} | {start['ratio']:.2f} |"
        for name, start in found["cold"].items()
    ]
    sizes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in found["layers"]["bytes"].items())
    return (
        "## Cold starts\n\nA fresh process that imports the handler and makes its clients, by the layer's own pruned "
        "packages (this machine's wheels), against one that only makes the same boto3 clients.\n\n"
        + table("| function | CPU ms | floor | ratio |", rows)
        + f"\n\nZipped: {sizes}.\n\n![cold starts](charts/cold.svg)"
    )


def _memory(found: Mapping[str, Any]) -> str:
    rows = [f"| {work} | {mb:.0f} |" for work, mb in found["memory"].items()]
    return (
        "## Memory\n\nThe most that a process takes, from its start to the end of one invocation, for the largest work that "
        "each function may get. On AWS, Lambda's own part of the process comes on top.\n\n"
        + table("| work | MB |", rows)
    )


def _api(found: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {value:.2f} |" for name, value in found["api"]["cpu_ms"].items()]
    return "## API\n\n" + table("| call, warm | CPU ms |", rows)


def _end_to_end(found: Mapping[str, Any]) -> str:
    figures = found["end_to_end"]
    rows = [f"| {figures['p50']:.0f} | {figures['p95']:.0f} | {figures['p99']:.0f} |"]
    return (
        "## End to end\n\nWall-clock milliseconds from `PutEvents` to the POST's arrival, the whole stack deployed on the "
        f"emulator, warm, {figures['events']} events one after the other. It shows that nothing waits where it need not; "
        "AWS's own times differ, and the emulator says nothing of fairness between tenants.\n\n"
        + table("| p50 | p95 | p99 |", rows)
    )


def _growth(found: Mapping[str, Any]) -> str:
    text = (
        "## Growth\n\nThe cost of one event as what is stored grows ten- and hundredfold. Calls do not grow at all, CPU "
        "only with the account's own webhooks: all of them are read with every event, also those that do not want it."
    )
    for index, (name, figures) in enumerate(found["growth"].items()):
        rows = [f"| {int(n):,} | {cpu:.2f} | {figures['calls'][n]:g} |" for n, cpu in figures["cpu_ms"].items()]
        unit = figures["unit"]
        text += "\n\n" + table(f"| {name} | CPU ms a{'n' if unit == 'event' else ''} {unit} | AWS calls |", rows)
        text += f"\n\n![{name}](charts/growth-{index + 1}.svg)"
    return text


def _charts(found: Mapping[str, Any]) -> None:
    cpu, place = found["deliver"]["cpu_ms"], HERE / "charts"
    place.mkdir(exist_ok=True)
    ten = {name: value for name, value in cpu.items() if not name.endswith("of 1")}
    svg = chart.bars("deliver: CPU milliseconds per delivery", ten, unit="ms", goal=1.3 * cpu["floor"])
    (place / "deliver.svg").write_text(svg)
    ratios = {name: start["ratio"] for name, start in found["cold"].items()}
    (place / "cold.svg").write_text(chart.bars("Cold start: CPU ÷ bare boto3 clients", ratios, unit="", goal=1.3))
    for index, (name, figures) in enumerate(found["growth"].items()):
        line = [(float(n), value) for n, value in figures["cpu_ms"].items()]
        svg = chart.lines(f"CPU ms per {figures['unit']}, by {name}", {"CPU ms": line}, across=name)
        (place / f"growth-{index + 1}.svg").write_text(svg)
