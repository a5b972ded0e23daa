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


_SIX_HOURS = 6 * 3600  # s


def is_known(version: str) -> bool:
    """A shallow clone has no history."""
    return _git("cat-file", "-e", f"{version}^{{commit}}").returncode == 0


def the_one_before() -> str | None:
    """
    The last release before this checkout. Until there is one, the last commit of functions or layers that was six hours old
    when this checkout's was made, so that someone may have deployed it: what lands together is not deployed one by one. None
    in a shallow clone.
    """
    released = _git("describe", "--tags", "--abbrev=0", "--match=v*", "HEAD^")
    if released.returncode == 0:
        return released.stdout.decode().strip()
    now = int(_git("log", "-1", "--format=%ct").stdout)
    older = _git("log", "-1", f"--before={now - _SIX_HOURS}", "--format=%H", "--", "functions", "layers")
    return older.stdout.decode().strip() or None


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
