"""Processes of ours that outlive the command that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Those started by this process: only their parent can see them off."""


def spawn(command: Sequence[str | Path], variables: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=variables,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in this terminal is for us; we end it ourselves
        )
    _children[process.pid] = process
    return process


def end_group(pid: int) -> None:
    for end in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, end)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            _reap(pid)
            if not _group_lives(pid):
                return
            time.sleep(0.05)


def _group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # what macOS says of a group of which only zombies are left
        return False
    return True


def _reap(pid: int) -> None:
    if pid in _children and _children[pid].poll() is not None:
        del _children[pid]


def runs(pid: int, word: str) -> bool:
    """
    Whether the process is there, and its command line has the word. Linux has /proc, and a slim one no ps; macOS has ps,
    and no /proc.
    """
    if Path("/proc/self").exists():
        try:
            return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return word in shown.stdout
