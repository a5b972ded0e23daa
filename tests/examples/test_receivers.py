"""The example receivers, run as customers run them; signed by other code than ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from standardwebhooks import Webhook

from local.emulator import ROOT
from tests.examples import languages

EXAMPLES = ROOT / "examples"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD8HNtdJKmxHs="
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "python": lambda port: [sys.executable, "receiver.py"],
    "node": lambda port: ["node", "receiver.mjs"],
    "php": lambda port: ["php", "-S", f"127.0.0.1:{port}", "receiver.php"],
    "ruby": lambda port: ["ruby", "receiver.rb"],
    "go": lambda port: ["go", "run", "receiver.go"],
}
pytestmark = pytest.mark.xdist_group("examples")  # each is started, and Go's compiled, once


@dataclass(frozen=True)
class Running:
    url: str
    process: subprocess.Popen[bytes]

    def line(self) -> str:
        """The next that it prints."""
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        assert readable, "nothing was printed for 20 s"
        printed = self.process.stdout.readline().decode().rstrip()
        return self.line() if printed.startswith(" *") else printed  # Flask greets on the same stream


@pytest.fixture(scope="module", params=COMMANDS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    language: str = request.param
    languages.need_server(language)
    with run(language, tmp_path_factory.mktemp(language)) as started:
        yield started


@contextmanager
def run(
    program: str,
    temporary: Path,
    scheme: str = "http",
    behind: str = "",
    *,
    directory: Path = EXAMPLES,
    **more: str,
) -> Iterator[Running]:
    command = COMMANDS.get(program, lambda port: [sys.executable, "tls.py", behind])
    with serve(command, temporary, scheme, directory=directory, environment=more) as started:
        yield started


@contextmanager
def serve(
    command: Callable[[int], list[str]],
    temporary: Path,
    scheme: str = "http",
    *,
    directory: Path = EXAMPLES,
    environment: Mapping[str, str],
) -> Iterator[Running]:
    """On a free port; ended by its own process group, its errors shown if it did not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"WEBHOOK_SECRET": SECRET, "PORT": str(port), "TMPDIR": str(temporary), **environment}
    with (
        (temporary / "errors").open("w+b") as errors,
        subprocess.Popen(
            command(port),
            cwd=directory,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            start_new_session=True,
        ) as process,
    ):
        try:
            await_port(port, process, temporary / "errors")
            yield Running(f"{scheme}://127.0.0.1:{port}/hooks", process)
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, 15)  # `go run` has a child
            process.communicate(timeout=10)


def await_port(port: int, process: subprocess.Popen[bytes], errors: Path) -> None:
    deadline = time.monotonic() + 300  # the first time, Go compiles its standard library
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


@pytest.mark.parametrize("language", [language for language in COMMANDS if language != "php"])
def test_it_speaks_tls(language: str, tmp_path: Path, pem: tuple[str, str]) -> None:
    languages.need_server(language)
    body = body_of("message.incoming")
    with run(language, tmp_path, "https", TLS_FILE=pem[0]) as receiver:
        assert post(receiver, body, headers("evt_tls", body), verify=pem[1]) == 200
        assert receiver.line() == "message.incoming evt_tls"


@pytest.mark.parametrize("language", ["python", "php"])
def test_tls_in_front_of_a_server_that_has_none(language: str, tmp_path: Path, pem: tuple[str, str]) -> None:
    languages.need_server(language)
    with run(language, tmp_path) as receiver:
        check_tls_in_front(receiver, tmp_path, pem)


def check_tls_in_front(receiver: Running, temporary: Path, pem: tuple[str, str]) -> None:
    body = body_of("message.incoming")
    front = temporary / "front"
    front.mkdir()
    behind = receiver.url.split(":")[2].split("/")[0]
    with run("tls", front, "https", behind=behind, TLS_FILE=pem[0]) as tls:
        assert post(tls, body, headers("evt_tls", body), verify=pem[1]) == 200
        assert receiver.line() == "message.incoming evt_tls"
        assert post(tls, body + b" ", headers("evt_tls", body), verify=pem[1]) == 401


def test_a_receiver_that_does_not_start_is_told_with_its_errors(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such port')"]
    with (
        pytest.raises(AssertionError, match="no receiver: no such port"),
        serve(lambda port: command, tmp_path, environment={}),
    ):
        pass
