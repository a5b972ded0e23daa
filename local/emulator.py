"""MiniStack, the local AWS, as a process of ours: started on a free port, awaited, and ended with all it started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "emulator" / "bin" / "python"
REGION = "us-east-1"
USUAL_PORT = 4566
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Those started by this process: only their parent can see them off."""


class EmulatorFailed(Exception):
    """The text says what to do about it."""


@dataclass(frozen=True)
class Emulator:
    """A running one, as `state` in its directory describes it."""

    pid: int
    port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://localhost:{self.port}"

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def environment(endpoint_url: str) -> dict[str, str]:
    """For anything that shall talk to the emulator and to nothing else, whatever this shell is logged in to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def start(directory: Path, *, usual_port: bool = False, seconds: float = 60) -> Emulator:
    """The one already running from this directory, or a new one. Raises EmulatorFailed."""
    running = find(directory)
    if running:
        return running
    directory.mkdir(parents=True, exist_ok=True)
    port = USUAL_PORT if usual_port and _is_free(USUAL_PORT) else _free_port()
    settings = {
        "AUTH": "true",  # each function has its own role's permissions, as on AWS
        "BIND_HOST": "127.0.0.1",  # it runs what it is given: nobody else shall reach it
        "GATEWAY_PORT": str(port),
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(_temporary(directory)),
    }
    log = directory / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, "-m", "ministack"],
            env=environment(f"http://localhost:{port}") | settings,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in this terminal is for us; we end it ourselves
        )
    _children[process.pid] = process
    emulator = Emulator(process.pid, port)
    (directory / "emulator.json").write_text(json.dumps(asdict(emulator)))
    deadline = time.monotonic() + seconds
    while not emulator.is_healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(directory)
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise EmulatorFailed(f"The local AWS did not start:\n{last}\n\nThe whole of it is in {log}; try again.")
        time.sleep(0.1)
    return emulator


def find(directory: Path) -> Emulator | None:
    """The emulator running from this directory; a note left behind by a dead one does not count."""
    try:
        emulator = Emulator(**json.loads((directory / "emulator.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return emulator if _is_ours(emulator.pid) and emulator.is_healthy() else None


def stop(directory: Path) -> bool:
    """Ends it and every worker that it started. Whether there was one to end."""
    note = directory / "emulator.json"
    try:
        pid = int(json.loads(note.read_text())["pid"])
    except (FileNotFoundError, ValueError, KeyError):
        return False
    was_running = _is_ours(pid)
    if was_running:
        _end_group(pid)
    note.unlink()
    return was_running


def _end_group(pid: int) -> None:
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


def _is_ours(pid: int) -> bool:
    """Linux has /proc, and a slim one no ps; macOS has ps, and no /proc."""
    if Path("/proc/self").exists():
        try:
            return b"ministack" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "ministack" in shown.stdout


def _temporary(directory: Path) -> Path:
    """Unpacked code and layers go where `make down` can find them."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return temporary


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
