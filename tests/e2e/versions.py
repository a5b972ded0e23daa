"""Other versions of this service, from the history of its repository, deployed by their own code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from local.emulator import ROOT

ONE_QUEUE = "667806b6bdc14a1f46f00482fd74a6deda048232"
"""The last one before retries had a queue of their own."""


def is_known(version: str) -> bool:
    """A shallow clone has no history."""
    return _git("cat-file", "-e", f"{version}^{{commit}}").returncode == 0


def the_one_before() -> str | None:
    """The last commit whose functions are not this checkout's; None in a shallow clone."""
    code = ("functions", "layers")
    changed = _git("diff", "--quiet", "HEAD", "--", *code).returncode != 0
    commits = _git("log", "-2", "--format=%H", "--", *code).stdout.decode().split()
    return next(iter(commits if changed else commits[1:]), None)


def check_out(version: str, directory: Path) -> Path:
    """Its files, with this checkout's tools."""
    directory.mkdir()
    archive = directory / "archive.tar"
    _git("archive", "--format=tar", f"--output={archive}", version).check_returncode()
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    for tools in (".venv", "node_modules"):
        (directory / tools).symlink_to(ROOT / tools)
    return directory


def deploy(checkout: Path, stack: Path, retry_delays: Sequence[int]) -> None:
    """Over what is deployed in the directory `stack`, if there is anything."""
    paths = [checkout, checkout / "functions", checkout / "layers" / "webhooks" / "python"]
    command = [sys.executable, "-m", "local", "up", "--retry-delays", ",".join(map(str, retry_delays))]
    subprocess.run(
        [*command, "--directory", str(stack)],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        check=True,
        stdout=subprocess.DEVNULL,  # it prints a platform key
    )


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    git = shutil.which("git")
    assert git
    return subprocess.run([git, *arguments], cwd=ROOT, check=False, capture_output=True)
