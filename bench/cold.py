"""Cold starts: a fresh process up to a handler that is ready, against one that has made the same boto3 clients."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.emulator import ROOT

_CLIENTS = """
import boto3
from botocore.config import Config
retries = {{"mode": "standard", "total_max_attempts": 2}}
config = Config(connect_timeout=1, read_timeout=2, max_pool_connections=16, retries=retries)
for service in {services}: boto3.client(service, config=config)
"""


@dataclass(frozen=True)
class Start:
    """`ready` is what runs once more before the first event's own work: it makes the clients."""

    module: str
    ready: str
    services: tuple[str, ...]

    def code(self) -> str:
        return f"import {self.module} as handler; {self.ready}"

    def floor(self) -> str:
        return _CLIENTS.format(services=self.services)


_MAKE = "from webhooks.clients import client; [client(service) for service in {}]"
STARTS = {
    "deliver": Start("deliver.handler", "handler.worker()", ("dynamodb", "events", "sqs")),
    "dead letters": Start("deliver.dead_letters", "handler.dead_letters()", ("dynamodb", "events", "sqs")),
    "fanout": Start("fanout.handler", _MAKE.format(("dynamodb", "sqs")), ("dynamodb", "sqs")),
    "api": Start("api.handler", _MAKE.format(("dynamodb", "events")), ("dynamodb", "events")),
}


def figures(dependencies: Path, environment: Mapping[str, str], *, runs: int) -> dict[str, dict[str, float]]:
    """
    Median CPU milliseconds of each start and its floor, by the layer's own packages, in turns.

    Only the standard library has its bytecode, as on AWS: the layers carry none, and there is nowhere to keep any.
    """
    paths = [_copied(part, dependencies.parent) for part in ("functions", "layers/webhooks/python")]
    wanted = {**environment, "PYTHONPATH": os.pathsep.join(map(str, [*paths, dependencies]))}
    wanted["PYTHONDONTWRITEBYTECODE"] = "1"
    codes = {name: (start.code(), start.floor()) for name, start in STARTS.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in codes}
    for _ in range(runs):
        for name, (code, floor) in codes.items():
            found[name].append((_run(code, wanted), _run(floor, wanted)))
    return {name: _summary(pairs) for name, pairs in found.items()}


def _copied(part: str, place: Path) -> Path:
    copy = place / part
    shutil.copytree(ROOT / part, copy, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return copy


def _summary(pairs: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "cpu_ms": statistics.median(start for start, _ in pairs),
        "floor_ms": statistics.median(floor for _, floor in pairs),
        "ratio": statistics.median(start / floor for start, floor in pairs),
    }


def _run(code: str, environment: Mapping[str, str]) -> float:
    process = subprocess.Popen([sys.executable, "-S", "-c", code], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, code)
    return (used.ru_utime + used.ru_stime) * 1000
