"""MiniStack, the local AWS, as a process of ours: started on a free port, awaited, and ended with all it started."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from local.ports import free_port, is_free
from local.processes import end_group, runs, spawn

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "emulator" / "bin" / "python"
_TLS = ROOT / "examples" / "tls.py"
REGION = "us-east-1"
USUAL_PORT = 4566
_STARTS_SECONDS = 60


class EmulatorFailed(Exception):
    """The text says what to do about it."""


@dataclass(frozen=True)
class Emulator:
    """
    A running one, as its directory's `emulator.json` describes it. In front of it is a process that speaks TLS, because
    deliveries to test addresses go to the API itself.
    """

    pid: int
    port: int
    tls_pid: int = 0
    tls_port: int = 0

    @property
    def endpoint_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.tls_port}"

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def environment(endpoint_url: str) -> dict[str, str]:
    """The environment of a process that shall talk to the emulator alone, whatever this shell is logged in to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def start(directory: Path, *, tls_file: Path | None = None, usual_port: bool = False) -> Emulator:
    """
    The one already running from this directory, or a new one; with `tls_file`, a key and a certificate, behind TLS as well.
    Raises EmulatorFailed.
    """
    running = find(directory)
    if running:
        return running
    stop(directory)
    directory.mkdir(parents=True, exist_ok=True)
    port = USUAL_PORT if usual_port and is_free(USUAL_PORT) else free_port()
    settings = {
        "AUTH": "true",  # each function has its own role's permissions, as on AWS
        "BIND_HOST": "127.0.0.1",  # it runs what it is given: nobody else shall reach it
        "GATEWAY_PORT": str(port),
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(_temporary(directory)),
    }
    log = directory / "emulator.log"
    process = spawn([PYTHON, "-m", "ministack"], environment(f"http://localhost:{port}") | settings, log)
    emulator = Emulator(process.pid, port)
    if tls_file:
        tls_port = free_port()
        variables = {**os.environ, "TLS_FILE": str(tls_file), "PORT": str(tls_port)}
        front = spawn([sys.executable, _TLS, str(port)], variables, directory / "tls.log")
        emulator = Emulator(process.pid, port, front.pid, tls_port)
    (directory / "emulator.json").write_text(json.dumps(asdict(emulator)))
    deadline = time.monotonic() + _STARTS_SECONDS
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
    return emulator if runs(emulator.pid, "ministack") and emulator.is_healthy() else None


def stop(directory: Path) -> bool:
    """Ends it and every worker that it started. Whether there was one to end."""
    note = directory / "emulator.json"
    try:
        noted = json.loads(note.read_text())
        pid, tls_pid = int(noted["pid"]), int(noted.get("tls_pid", 0))
    except (FileNotFoundError, ValueError, KeyError):
        return False
    was_running = runs(pid, "ministack")
    if was_running:
        end_group(pid)
    if tls_pid and runs(tls_pid, str(_TLS)):
        end_group(tls_pid)
    note.unlink()
    return was_running


def _temporary(directory: Path) -> Path:
    """Unpacked code and layers go where `make down` can find them."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return temporary
