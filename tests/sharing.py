"""What the processes of one test run share: a directory, the stack in it, and locks. However it ends, no emulator stays."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import emulator

_VARIABLE = "TEST_RUN_DIRECTORY"
_ALIVE = "alive"
_PARENT = emulator.ROOT / ".local"


@contextmanager
def run() -> Iterator[None]:
    """In the process that was started by hand; the directory's name reaches its workers by the environment."""
    _PARENT.mkdir(exist_ok=True)
    for left in _PARENT.glob("test-*"):
        _remove_if_abandoned(left)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=_PARENT))
    alive = _lock(fresh / _ALIVE, fcntl.LOCK_EX)  # until this process ends, however it ends
    made = fresh.rename(_PARENT / fresh.name.replace("new-", "test-"))
    os.environ[_VARIABLE] = str(made)
    try:
        yield
    finally:
        remove(made)
        os.close(alive)


def directory() -> Path:
    return Path(os.environ[_VARIABLE])


@contextmanager
def locked(name: str, *, shared: bool = False) -> Iterator[None]:
    """
    While no other process of the run has the lock; or, if it is shared, while none has it for itself alone.

    Whoever waits for it is next: those who share it do not get in between.
    """
    turn = _lock(directory() / f"{name}.turn", fcntl.LOCK_EX)
    try:
        held = _lock(directory() / f"{name}.lock", fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    finally:
        os.close(turn)
    try:
        yield
    finally:
        os.close(held)


def remove(directory: Path) -> None:
    """With every emulator that runs from it."""
    for note in [*directory.glob("emulator.json"), *directory.glob("*/emulator.json")]:
        emulator.stop(note.parent)
    shutil.rmtree(directory)


def _remove_if_abandoned(directory: Path) -> None:
    """Left by a run that was killed: nobody holds its lock any more."""
    try:
        held = _lock(directory / _ALIVE, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    try:
        remove(directory)
    finally:
        os.close(held)


def _lock(file: Path, how: int) -> int:
    held = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, how)
    except BaseException:
        os.close(held)
        raise
    return held
