"""`python -m bench.many`: CPU of fanout an event, in a batch of 100 and one by one. Takes a minute."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench import cloud, report
from local.stack import DIRECTORY


def main() -> None:
    cloud.free_of_shell()
    DIRECTORY.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=DIRECTORY) as made:
        directory = Path(made)
        written = directory / "fanout.json"
        with cloud.running(directory) as environment:
            cloud.measured("fanout", environment, directory / "fanout.log", str(written), "-", "30")
        print(report.batches(json.loads(written.read_text())["batch_cpu_ms"]))


if __name__ == "__main__":
    main()
