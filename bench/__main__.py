"""
`python -m bench`: measures the deployed code, and writes bench/results.md, docs/cost.md and their charts.

`--parts` measures some of it anew; the rest is what was measured last, in bench/measured.json. `--parts none` only writes
the pages, as after a change of a price.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import cloud, cold, cost_page, end_to_end, endpoints, report
from bench.goals import goals
from local.stack import DIRECTORY

_WITH_ENDPOINTS = ("deliver", "fanout", "together", "api", "growth", "sizes", "memory")
PARTS = [*_WITH_ENDPOINTS, "cold", "idle", "end_to_end"]
MEASURED = Path(__file__).with_name("measured.json")


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--runs", type=int, default=60, help="of each work; the median counts")
    arguments.add_argument("--starts", type=int, default=9, help="of each cold start")
    arguments.add_argument("--events", type=int, default=300, help="end to end")
    arguments.add_argument("--parts", nargs="*", choices=[*PARTS, "none"], default=PARTS)
    wanted = arguments.parse_args()
    cloud.free_of_shell()
    try:
        endpoints.executable()
    except endpoints.NginxMissing as missing:
        sys.exit(str(missing))
    DIRECTORY.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=DIRECTORY))
    try:
        stored = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
        found = stored | _measure(directory, wanted)
    finally:
        shutil.rmtree(directory)
    MEASURED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    report.write(found)
    cost_page.write(found)
    for goal in goals(found):
        print("met   " if goal.met else "MISSED", goal.name, goal.form.format(goal.figure))


def _measure(directory: Path, wanted: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"runs": wanted.runs, "starts": wanted.starts} if wanted.parts == PARTS else {}
    if set(wanted.parts) & {*_WITH_ENDPOINTS, "cold"}:
        found |= _of_handlers(directory, wanted)
    if "idle" in wanted.parts:
        found["idle"] = _part("idle", dict(os.environ), directory)
    if "end_to_end" in wanted.parts:
        print("end to end", flush=True)
        found["end_to_end"] = end_to_end.figures(directory / "stack", events=wanted.events)
    return found


def _of_handlers(directory: Path, wanted: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with cloud.running(directory) as environment:
        authority = directory / "ca" / "ca.pem", directory / "ca" / "ca-key.pem"
        with endpoints.answering(directory / "nginx", *authority) as url:
            for part in (part for part in _WITH_ENDPOINTS if part in wanted.parts):
                runs = [] if part in ("sizes", "memory") else [str(wanted.runs)]
                found[part] = _part(part, environment, directory, url, *runs)
        if "cold" in wanted.parts:
            found["layers"] = _part("layers", environment, directory, str(directory))
            print("cold starts", flush=True)
            found["cold"] = cold.figures(directory / "host" / "python", environment, runs=wanted.starts)
    return found


def _part(part: str, environment: dict[str, str], directory: Path, *arguments: str) -> Any:
    print(part, flush=True)
    written = directory / f"{part}.json"
    cloud.measured(part, environment, directory / f"{part}.log", str(written), *arguments)
    return json.loads(written.read_text())


if __name__ == "__main__":
    main()
