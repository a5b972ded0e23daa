"""The example receivers, run as customers run them; signed by other code than ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from standardwebhooks import Webhook

from local import ca
from local.emulator import ROOT

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD8HNtdJKmxHs="
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "python": lambda port: [sys.executable, "receiver.py"],
    "node": lambda port: ["node", "receiver.mjs"],
    "php": lambda port: ["php", "-S", f"127.0.0.1:{port}", "receiver.php"],
    "ruby": lambda port: ["ruby", "receiver.rb"],
    "go": lambda port: ["go", "run", "receiver.go"],
}
ALWAYS = ("python", "node")


@dataclass(frozen=True)
class Running:
    url: str
    process: subprocess.Popen[bytes]

    def line(self) -> str:
        """The next that it prints."""
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        assert readable, "nothing was printed for 20 s"
        return self.process.stdout.readline().decode().rstrip()


@pytest.fixture(scope="module", params=COMMANDS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    language: str = request.param
    if language not in ALWAYS and shutil.which(language) is None:
        pytest.skip(f"{language} is not here: the README asks a machine for Python and Node alone, which always run")
    if language == "ruby" and subprocess.run(["ruby", "-rwebrick", "-e", ""], capture_output=True).returncode:
        pytest.skip("this Ruby came without webrick, no part of it since 3.0: gem install webrick runs the example")
    with run(language, tmp_path_factory.mktemp(language)) as started:
        yield started


@contextmanager
def run(language: str, temporary: Path, scheme: str = "http", **more: str) -> Iterator[Running]:
    """On a free port; ended by its own process group, its errors shown if it did not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port), "TMPDIR": str(temporary)} | more
    with (temporary / "errors").open("w+b") as errors:
        process = subprocess.Popen(
            COMMANDS[language](port),
            cwd=ROOT / "examples",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            start_new_session=True,
        )
        try:
            await_port(port, process, temporary / "errors")
            yield Running(f"{scheme}://127.0.0.1:{port}/hooks", process)
        finally:
            os.killpg(process.pid, 15)  # `go run` has a child
            process.communicate(timeout=10)


def await_port(port: int, process: subprocess.Popen[bytes], errors: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"no receiver: {errors.read_text()}")


def body_of(event: str) -> bytes:
    return json.dumps({"event": event, "timestamp": "2026-05-29T10:30:00Z", "data": {"text": "naïve"}}).encode()


def headers(event_id: str, body: bytes, *, age: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC) - age
    return {
        "Content-Type": "application/json",
        "X-Webhook-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body.decode()),
    }


def post(receiver: Running, body: bytes, headers: dict[str, str], verify: str | bool = True) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(receiver.url, data=body, headers=headers, timeout=5, verify=verify).status_code


def test_genuine_is_worked_off_once(running: Running) -> None:
    first, second = body_of("message.incoming"), body_of("message.read")
    assert post(running, first, headers("evt_once", first)) == 200
    assert running.line() == "message.incoming evt_once"
    assert post(running, first, headers("evt_once", first)) == 200
    assert post(running, second, headers("evt_next", second)) == 200
    assert running.line() == "message.read evt_next", "the repeat was not dropped"


def test_forged_is_refused(running: Running) -> None:
    body = body_of("message.sent")
    good = headers("evt_forged", body)
    forgeries = {
        "the body": (body.replace(b"sent", b"read"), good),
        "a byte more": (body + b" ", good),
        "another's secret": (body, headers("evt_forged", body, secret="whsec_" + "A" * 44)),
        "no signature": (body, {name: value for name, value in good.items() if name != "X-Webhook-Signature"}),
        "half a signature": (body, good | {"X-Webhook-Signature": good["X-Webhook-Signature"][:32]}),
        "no text at all": (body, good | {"X-Webhook-Signature": "\xe9" * 64}),
    }
    assert {what: post(running, *forged) for what, forged in forgeries.items()} == dict.fromkeys(forgeries, 401)
    assert post(running, body, good) == 200
    assert running.line() == "message.sent evt_forged", "a forgery was worked off"


def test_played_again_is_refused(running: Running) -> None:
    body = body_of("contact.created")
    good = headers("evt_replayed", body)
    replays = {
        "under another id": good | {"webhook-id": "evt_other"},
        "as if it were later": good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        "too late": headers("evt_replayed", body, age=timedelta(seconds=330)),
        "from the future": headers("evt_replayed", body, age=timedelta(seconds=-330)),
        "with no time": good | {"webhook-timestamp": ""},
    }
    assert {what: post(running, body, replay) for what, replay in replays.items()} == dict.fromkeys(replays, 401)
    rotating = good | {"webhook-signature": f"v1,{'A' * 43}= {good['webhook-signature']}"}
    assert post(running, body, rotating) == 200
    assert running.line() == "contact.created evt_replayed", "a replay was worked off"


def test_python_speaks_tls(tmp_path: Path) -> None:
    """As docs/local.md has it; no certificate of the local authority is checked here, that is the deployed stack's."""
    certificate, key = ca.create(tmp_path / "ca")
    pem = tmp_path / "receiver.pem"
    make = (ROOT / "docs" / "local.md").read_text().split("```python\n")[1].split("```")[0]
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"ca_file": str(certificate), "ca_key_file": str(key)}))
    make = make.replace(".local/outputs.json", str(outputs)).replace(".local/receiver.pem", str(pem))
    exec(compile(make, "docs/local.md", "exec"), {})
    body = body_of("message.incoming")
    with run("python", tmp_path, "https", TLS_FILE=str(pem)) as receiver:
        assert post(receiver, body, headers("evt_tls", body), verify=str(certificate)) == 200
        assert receiver.line() == "message.incoming evt_tls"
