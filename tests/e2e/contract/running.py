"""Runs schemathesis's own command line against a deployed API, and reads what it reports of each request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.emulator import ROOT

CONFIG = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True)
class Seeds:
    """Ids of what exists, by the dictionary's name in the configuration; a real cursor for each list's path."""

    ids: Mapping[str, list[str]]
    cursors: Mapping[str, str]
    receiver_url: str


@dataclass(frozen=True)
class Exchange:
    """A request that was made, by the specification's path, and its answer."""

    method: str
    path: str
    status: int
    content: bytes


@dataclass(frozen=True)
class Run:
    passed: bool
    output: str
    exchanges: list[Exchange] = field(repr=False)  # they carry secrets

    def summary(self) -> str:
        """schemathesis's own."""
        return self.output[self.output.find("=== SUMMARY") :]

    def statuses(self) -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for exchange in self.exchanges:
            found[exchange.method, exchange.path].add(exchange.status)
        return found


_LIMIT_SECONDS = 1500


def run(api_url: str, key: str, seeds: Seeds, directory: Path) -> Run:
    """Raises TimeoutExpired."""
    shutil.copy(CONFIG, directory)
    for name in ("webhooks", "events", "accounts", "erased", "keys"):  # the others are for the hooks
        (directory / f"{name}.dict").write_text("".join(f'"{id}"\n' for id in seeds.ids[name]))
    report = directory / "report.ndjson"
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(directory / CONFIG.name)]
    options = [
        "--url",
        api_url,
        "--checks",
        "all",
        "--max-examples",
        os.environ.get("CONTRACT_EXAMPLES", "15"),
        "--no-color",
    ]
    done = subprocess.run(
        [*command, "run", f"{api_url}/openapi.json", *options, "--report-ndjson-path", str(report)],
        cwd=ROOT,
        env=os.environ
        | {
            "CONTRACT_KEY": key,
            "CONTRACT_ACCOUNT": seeds.ids["accounts"][0],
            "CONTRACT_RECEIVER_URL": seeds.receiver_url,
            "CONTRACT_CURSORS": json.dumps(seeds.cursors),
            "CONTRACT_IDS": json.dumps(seeds.ids),
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "functions", ROOT / "layers/webhooks/python"))),
        },
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    return Run(done.returncode == 0, done.stdout + done.stderr, list(_exchanges(report)))


def _exchanges(report: Path) -> Iterator[Exchange]:
    for line in report.read_text().splitlines():
        recorder: Any = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for id, interaction in recorder.get("interactions", {}).items():
            case, response = recorder["cases"][id]["value"], interaction["response"]
            if response:
                content = b64decode((response.get("content") or {}).get("$base64", ""))
                yield Exchange(case["method"], case["path"], response["status_code"], content)
