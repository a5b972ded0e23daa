"""Test addresses on the deployed stack, and `aisoule_webhooks listen`, which forwards what they receive to this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.client import Client
from local.emulator import ROOT
from tests.deployed import Deployed
from webhooks.event_types import EVENT_TYPES

EVENT = EVENT_TYPES["message.incoming"]
Account = tuple[str, Client]
# -P: its neighbours in the API's folder are not in its way.
LISTEN = [sys.executable, "-P", str(ROOT / "functions" / "api" / "aisoule_webhooks.py"), "listen"]


def key_of(client: Client) -> str:
    return str(client._session.headers["Authorization"]).split()[1]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so would everything that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Arrived(Queue[tuple[str, dict[str, str], bytes]]):
    """Path, headers and body of each POST to a developer's server, which speaks plain HTTP."""

    port: int

    def first_of(self, event_id: str) -> tuple[str, dict[str, str], bytes]:
        """What is delivered at least once can be here more than once, on a busy machine."""
        while (arrived := self.get(timeout=60))[1]["webhook-id"] != event_id:
            pass
        return arrived


@pytest.fixture
def server() -> Iterator[Arrived]:
    arrived = Arrived()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        arrived.port = running.server_port
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield arrived
        running.shutdown()


class Told(list[str]):
    """The lines that it printed, but for those that `next` returned before; complete when it has ended."""

    next: Callable[[], str]


@contextmanager
def listening(*options: str, key: str) -> Iterator[Told]:
    """Until Ctrl-C ends it."""
    told = Told()
    variables = {**os.environ, "AISOULE_KEY": key, "PYTHONUTF8": "1"}
    with subprocess.Popen(
        [*LISTEN, *options], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told.next = process.stdout.readline
            yield told
        finally:
            process.send_signal(signal.SIGINT)
            try:
                printed, said = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert process.returncode == 130
    assert "Traceback" not in said
    told += printed.splitlines()


def ended(*options: str, key: str = "key_0.x") -> tuple[int, str]:
    """Of one that cannot begin."""
    variables = {**os.environ, "AISOULE_KEY": key}
    done = subprocess.run([*LISTEN, *options], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_published_event_arrives_at_the_test_address_verified(deployed: Deployed, account: Account) -> None:
    account_id, client = account
    address = client.post("/v1/test-addresses", {}, 201)
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_delivery(address["id"], event_id, lambda d: d["status"] == "delivered", seconds=60)
    # Only one, unless the machine was too busy to start another process of the API within 5 s.
    request = client.get(f"/v1/webhooks/{address['id']}/requests")["data"][0]
    assert request["verified"] == ["webhook-signature", "X-Webhook-Signature"]
    assert request["headers"]["webhook-id"] == event_id
    assert request["headers"]["user-agent"].startswith("AIsoule")
    assert Webhook(address["secret"]).verify(request["body"], request["headers"])["data"] == EVENT.example


def test_a_forged_request_is_refused(account: Account) -> None:
    _, client = account
    address = client.post("/v1/test-addresses", {}, 201)
    path = "/in/" + address["url"].rpartition("/")[2]
    assert client.call("POST", path, json={"event": "message.incoming"}).status_code == 401
    assert client.call("POST", path[:-1], json={}).status_code == 404
    assert client.get(f"/v1/webhooks/{address['id']}/requests")["data"] == []


def test_listen_forwards_the_same_bytes_and_headers(deployed: Deployed, account: Account, server: Arrived) -> None:
    account_id, client = account
    options = ["--api", deployed.outputs.api_url, "--forward", f"http://localhost:{server.port}/hook?a=1"]
    with listening(*options, "--send", EVENT.name, key=key_of(client)) as told:
        path, headers, body = server.get(timeout=60)
        (webhook,) = client.get("/v1/webhooks")["data"]
        secret = client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"]
        data = {**EVENT.example, "text": 'é "quoted" \\ \u2028'}
        event_id = deployed.platform.publish(account_id, EVENT.name, data)
        second = server.first_of(event_id)
        requests = client.get(f"/v1/webhooks/{webhook['id']}/requests")["data"]
    assert path == second[0] == "/hook?a=1"
    assert headers["webhook-test"] == "true"
    assert json.loads(body)["data"] == EVENT.example
    for given, sent in ((headers, body), second[1:]):
        Webhook(secret).verify(sent, given)
    assert (second[1]["webhook-id"], json.loads(second[2])["data"]) == (event_id, data)
    (stored,) = [r for r in requests if r["headers"]["webhook-signature"] == second[1]["webhook-signature"]]
    changed = {"host", "connection", "content-length"}
    assert {n: v for n, v in second[1].items() if n not in changed} == {
        n: v for n, v in stored["headers"].items() if n not in changed
    }
    assert second[2] == stored["body"].encode()
    assert any(f"message.incoming  {event_id}  verified  -> 200 in " in line for line in told)
    assert client.get("/v1/webhooks")["data"] == [], "it has deleted the address that it made"


def test_listen_goes_on_where_an_address_is_now_and_tells_of_a_server_that_is_not_there(
    deployed: Deployed, account: Account
) -> None:
    _, client = account
    address = client.post("/v1/test-addresses", {}, 201)
    before = client.post(f"/v1/webhooks/{address['id']}/test", {"event": EVENT.name}, 202)["event_id"]
    client.await_delivery(address["id"], before, lambda d: d["status"] == "delivered", seconds=60)
    options = ["--api", deployed.outputs.api_url, "--forward", "http://localhost:1/", "--webhook", address["id"]]
    with listening(*options, "--send", "message.read", key=key_of(client)) as told:
        line = told.next()
    assert "message.read" in line
    assert line.strip().endswith("-> refused: does your server listen at localhost:1?")
    assert [webhook["id"] for webhook in client.get("/v1/webhooks")["data"]] == [address["id"]], "it was not its own"


@pytest.mark.parametrize("options", [(), ("--webhook", "wh_1")])
def test_a_wrong_key_is_named(deployed: Deployed, options: tuple[str, ...]) -> None:
    given = ["--api", deployed.outputs.api_url, "--forward", "http://localhost:1/", *options]
    assert ended(*given) == (1, "The API answered 401: the key is unknown, revoked or expired\n")


def test_an_answer_that_breaks_off_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        status, said = ended("--api", url, "--forward", "http://localhost:1/", "--webhook", "wh_1")
    assert (status, said) == (1, f"{url} did not answer in full: IncompleteRead(1 bytes read, 99 more expected)\n")


def test_an_address_that_is_no_api_is_named(deployed: Deployed, server: Arrived) -> None:
    forward = ["--forward", "http://localhost:3000/"]
    status, said = ended("--api", f"http://localhost:{server.port}", *forward)
    assert (status, said) == (
        1,
        f"http://localhost:{server.port} did not answer in JSON: is it the address of the API?\n",
    )
    status, said = ended("--api", "http://localhost:1", *forward)
    assert status == 1
    assert said.startswith("http://localhost:1 cannot be reached: ")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:3000",
        "http://",
        "http://localhost:99999/",
        "http://localhost:x/",
        "http://localhost:0/",
        "http://[::1/",
    ],
)
def test_an_address_that_cannot_be_used_is_named_at_once(url: str) -> None:
    usable = "http://localhost:1/"
    for api, forward in ((usable, url), (url, usable)):
        status, said = ended("--api", api, "--forward", forward)
        assert (status, said.splitlines()[-1].partition("error: ")[2]) == (2, f"{url!r} is not an http or https URL")


def test_the_key_does_not_follow_a_redirect(server: Arrived) -> None:
    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{server.port}/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}"
        status, said = ended("--api", url, "--forward", "http://localhost:1/", "--webhook", "wh_1")
        running.shutdown()
    assert (status, said) == (1, "The API answered 307: Temporary Redirect: is --api the address of the API?\n")


@contextmanager
def shell(directory: Path, *commands: str) -> Iterator[subprocess.Popen[str]]:
    """A terminal; Ctrl-C at the end."""
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUTF8": "1"}
    for name in ("AISOULE_API", "AISOULE_KEY"):
        variables.pop(name, None)
    with subprocess.Popen(
        ["bash", "-euc", "\n".join(commands)],
        cwd=directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            finally:
                with suppress(ProcessLookupError):  # what is in the background
                    os.killpg(process.pid, signal.SIGKILL)


def lines_until(pattern: str, stream: Any) -> re.Match[str]:
    """The first match in what a process prints; the test's time limit is the limit."""
    seen = []
    for line in stream:
        seen.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"{pattern} is not in {seen}")


def test_the_commands_of_the_guide_work_as_they_are_written(
    deployed: Deployed, account: Account, tmp_path: Path
) -> None:
    _, client = account
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    guide = (ROOT / "docs" / "testing.md").read_text()
    blocks = [
        textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```$", guide, re.DOTALL | re.MULTILINE)
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def filled(block: str, webhook: str = "", secret: str = "") -> str:
        for placeholder, value in {
            "https://webhooks.example.com": deployed.outputs.api_url,
            "key_…": key_of(client),
            "8000": str(port),
            "wh_…": webhook,
            "whsec_…": secret,
        }.items():
            block = block.replace(placeholder, value)
        assert "…" not in block
        return block

    export, listen, receive, send, keep = blocks
    with ExitStack() as terminals:
        listener = terminals.enter_context(shell(tmp_path, filled(export), filled(listen)))
        webhook, secret = lines_until(r"The secret of (\w+) is (\S+):", listener.stderr).groups()
        second = filled(export), filled(receive, secret=secret), _AWAIT_PORT.format(port), filled(send, webhook), "wait"
        receiver = terminals.enter_context(shell(tmp_path, *second))
        event_id = lines_until(r"^(?:.*\})?message\.incoming (evt_\w+)$", receiver.stdout)[1]
        lines_until(rf"message\.incoming  {event_id}  verified  -> 200 in ", listener.stdout)
    assert client.get("/v1/webhooks")["data"] == []

    make, go_on = filled(keep, "wh_0").split("\n\n")
    with shell(tmp_path, filled(export), make) as terminal:
        made = json.loads(terminal.communicate(timeout=60)[0])
    with shell(tmp_path, filled(export), go_on.replace("wh_0", made["id"])) as terminal:
        lines_until(re.escape(f"What {made['url']} receives goes to http://localhost:{port}/."), terminal.stderr)


_AWAIT_PORT = "until (: > /dev/tcp/localhost/{}) 2> /dev/null; do :; done"
