"""`python -m bench.crowd`: a crowd of accounts against one lane and two, simulated; into bench/results.md."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from bench import report
from bench.crowd import page, plan
from bench.crowd.figures import simulate
from bench.crowd.scenario import Scenario
from bench.crowd.settings import Design, Load


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    arguments.add_argument("--only", help="a scenario's name; prints, writes nothing")
    wanted = arguments.parse_args()
    load = Load()
    found: dict[str, Any] = {"scenarios": {}, "retry lanes": {}}
    for scenario in plan.scenarios(load):
        if wanted.only in (None, scenario.name):
            found["scenarios"][scenario.name] = {
                name: _timed(f"{scenario.name}, {name}", load, scenario, design)
                for name, design in plan.designs().items()
            }
    if wanted.only:
        return
    for size, concurrency in plan.RETRY_LANES:
        for scenario in plan.scenarios(load)[1:4]:
            name = f"{size} × {concurrency}"
            figures = _timed(f"{scenario.name}, {name}", load, scenario, plan.two_lanes(size, concurrency))
            found["retry lanes"].setdefault(name, {})[scenario.name] = figures
    page.FIGURES.write_text(json.dumps(found, indent=1) + "\n")
    page.draw(found)
    report.replace_section(page.section(found))


def _timed(name: str, load: Load, scenario: Scenario, design: Design) -> dict[str, Any]:
    began = time.monotonic()
    found = simulate(load, scenario, design)
    print(f"{name}: p99 {found['p99']:,.0f} ms, simulated in {time.monotonic() - began:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    main()
