"""What the benchmarks ran on: enough to compare, nothing that names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.endpoints import executable


def summary(found: Mapping[str, Any]) -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("boto3", "requests", "urllib3", "aws-lambda-powertools")
    )
    nginx = (
        subprocess.run([executable(), "-v"], capture_output=True, text=True, check=False)
        .stderr.strip()
        .partition("/")[2]
    )
    where = f"{_processor()}, {os.cpu_count()} cores; {platform.system()}; Python {platform.python_version()}"
    return (
        f"## Where and how\n\n{where}; {packages}; nginx {nginx}. {found['runs']} runs of each work, {found['starts']} of "
        "each cold start.\n\nThe emulator and nginx run in processes of their own, which do not count. The emulator speaks "
        "plain HTTP: AWS's TLS would add about 0.1 ms to every AWS call, the floor's too.\n\n"
        '    make bench                   # all of it, some minutes\n    make bench ARGS="--runs 20"  # fewer runs\n'
        "    make bench OF=many           # fanout in batches of 100, a minute\n"
        "    make bench OF=lanes          # a dead endpoint's neighbours, ten minutes\n"
        "    make bench OF=crowd          # the simulation, some minutes of CPU\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
