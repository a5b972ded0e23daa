"""The receivers for frameworks, run as customers run them; signed by the library for Standard Webhooks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.examples.test_receivers import EXAMPLES, Running, body_of, check_tls_in_front, headers, post, serve

COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "fastapi": lambda port: [
        *(sys.executable, "-m", "uvicorn", "receiver_fastapi:app"), "--port", str(port), "--log-level", "error",
    ],
    "flask": lambda port: [sys.executable, "-m", "flask", "--app", "receiver_flask", "run", "--port", str(port)],
    "django": lambda port: [sys.executable, "receiver_django.py"],
    "express": lambda port: ["node", "receiver_express.mjs"],
    "queue": lambda port: [sys.executable, "receiver_queue.py", "receive"],
}  # fmt: skip
SPEAK_NO_TLS = ["fastapi", "flask", "django"]
pytestmark = pytest.mark.xdist_group("examples")


def kept_in(temporary: Path) -> dict[str, str]:
    return {name: str(temporary / name) for name in ("DATABASE", "CACHE", "SEEN")}


@contextmanager
def run(framework: str, temporary: Path, scheme: str = "http", **more: str) -> Iterator[Running]:
    """What it keeps is in the folder. The one with a queue prints in its second process."""
    with serve(COMMANDS[framework], temporary, scheme, environment=kept_in(temporary) | more) as receiver:
        if framework != "queue":
            yield receiver
            return
        with working(temporary) as worker:
            yield Running(receiver.url, worker)


@contextmanager
def working(temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "receiver_queue.py", "work"]
    environment = {"DATABASE": str(temporary / "DATABASE")}
    with subprocess.Popen(command, cwd=EXAMPLES, env=environment, stdout=subprocess.PIPE, bufsize=0) as worker:
        try:
            yield worker
        finally:
            worker.terminate()
            worker.communicate(timeout=10)
        assert worker.returncode == 0, "it did not finish the event in hand"


@pytest.mark.parametrize("framework", COMMANDS)
def test_each_genuine_event_is_worked_off_once_and_no_other(framework: str, tmp_path: Path) -> None:
    first, second = body_of("message.incoming"), body_of("message.read")
    good = headers("evt_1", first)
    forgeries = {
        "another body": (second, good),
        "a byte more": (first + b" ", good),
        "not UTF-8": (b"\xff", good),
        "another's secret": (first, headers("evt_1", first, secret="whsec_" + "A" * 44)),
        "no signature": (first, {name: value for name, value in good.items() if name != "webhook-signature"}),
        "a signature that is none": (first, good | {"webhook-signature": "v1"}),
        "no time": (first, good | {"webhook-timestamp": "now"}),
        "under another id": (first, good | {"webhook-id": "evt_0"}),
        "played again": (first, headers("evt_1", first, age=timedelta(seconds=330))),
    }
    with run(framework, tmp_path) as receiver:
        assert {what: post(receiver, *forged) for what, forged in forgeries.items()} == dict.fromkeys(forgeries, 401)
        with ThreadPoolExecutor(4) as copies:
            assert list(copies.map(lambda _: post(receiver, first, good), range(4))) == [200] * 4
        assert receiver.line() == "message.incoming evt_1", "a forgery was worked off"
        rotating = headers("evt_2", second)
        rotating["webhook-signature"] = f"v1,{'A' * 43}= {rotating['webhook-signature']}"
        assert post(receiver, second, rotating) == 200
        assert receiver.line() == "message.read evt_2", "a copy was worked off"
    with run(framework, tmp_path) as receiver:
        assert post(receiver, first, headers("evt_1", first)) == 200
        assert post(receiver, second, headers("evt_3", second)) == 200
        assert receiver.line() == "message.read evt_3", "it did not know any more what it had before"


@pytest.mark.parametrize("framework", [framework for framework in COMMANDS if framework not in SPEAK_NO_TLS])
def test_it_speaks_tls(framework: str, tmp_path: Path, pem: tuple[str, str]) -> None:
    body = body_of("message.incoming")
    with run(framework, tmp_path, "https", TLS_FILE=pem[0]) as receiver:
        assert post(receiver, body, headers("evt_tls", body), verify=pem[1]) == 200
        assert receiver.line() == "message.incoming evt_tls"


@pytest.mark.parametrize("framework", SPEAK_NO_TLS)
def test_tls_in_front_of_those_that_speak_none(framework: str, tmp_path: Path, pem: tuple[str, str]) -> None:
    with run(framework, tmp_path) as receiver:
        check_tls_in_front(receiver, tmp_path, pem)


def test_the_readme_says_which_speak_no_tls() -> None:
    exceptions = (EXAMPLES / "README.md").read_text().split("they speak TLS themselves, but for ")[1].split(":")[0]
    without = {file.name for file in EXAMPLES.glob("receiver*") if "TLS_FILE" not in file.read_text()}
    assert without == {"receiver.php", *(f"receiver_{framework}.py" for framework in SPEAK_NO_TLS)}
    assert re.split(r", | and ", exceptions.lower()) == ["php", *SPEAK_NO_TLS]


def test_with_a_queue_nothing_is_lost_that_was_answered(tmp_path: Path) -> None:
    """Neither process runs when the other does."""
    body = body_of("contact.created")
    with serve(COMMANDS["queue"], tmp_path, environment={"DATABASE": str(tmp_path / "DATABASE")}) as receiver:
        assert post(receiver, body, headers("evt_kept", body)) == 200
    with working(tmp_path) as worker:
        assert Running("", worker).line() == "contact.created evt_kept"


def test_each_says_what_to_install_and_how_to_run_it() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    for file in EXAMPLES.glob("receiver_*"):
        run = next(row for row in file.read_text().splitlines() if "WEBHOOK_SECRET=" in row).strip("/ ")
        assert f"| `{file.name}` |" in readme
        assert f"`{run}`" in readme
