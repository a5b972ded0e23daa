"""`python -m bench.lanes`: what healthy endpoints notice of a dead one, by the real handlers in processes of their own."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench import report
from bench.crowd import plan
from bench.crowd import rig as simulated
from bench.lanes import figures, page, rig
from local.stack import DIRECTORY


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.lanes", description=__doc__)
    arguments.add_argument("--shares", default="0,2,10,30", help="of the events that go to the dead endpoint, in %%")
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--rate", type=float, default=20, help="events a second")
    arguments.add_argument("--batch", type=int, default=plan.RETRY_BATCH, help="of the retry queue")
    arguments.add_argument("--output", type=Path, default=page.AFTER, help="where to keep the figures")
    arguments.add_argument("--again", action="store_true", help="add to what is kept there, do not replace it")
    wanted = arguments.parse_args()
    lanes = [
        rig.Lane("delivery", "deliver.handler"),
        rig.Lane("retry", "deliver.handler", size=wanted.batch, window=plan.RETRY_WINDOW),
    ]
    runs = {share: _run(float(share) / 100, lanes, wanted) for share in wanted.shares.split(",")}
    measured = {"queues": "two", "runs": runs}
    print(page.section([measured]))
    kept = json.loads(wanted.output.read_text()) if wanted.again else []
    wanted.output.write_text(json.dumps([*kept, measured], indent=1) + "\n")
    report.replace_section(page.stored() or "")


def _run(share: float, lanes: list[rig.Lane], wanted: argparse.Namespace) -> dict[str, Any]:
    DIRECTORY.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="lanes-", dir=DIRECTORY))
    outcome = rig.measure(share, rate=wanted.rate, seconds=wanted.seconds, lanes=lanes, directory=directory)
    shutil.rmtree(directory)  # kept when something failed: it has the log
    found = figures.of_run(outcome.run, outcome.took)
    print(f"{share:.0%} dead: p99 {found['settled']['p99']:.0f} ms, {outcome.cores:.2f} cores busy", flush=True)
    model = simulated.simulate(share, simulated.two_lanes(wanted.batch), rate=wanted.rate, seconds=wanted.seconds)
    return found | {"cores": outcome.cores, "simulated": model["settled"]}


if __name__ == "__main__":
    main()
