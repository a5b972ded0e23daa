"""What an endpoint may not do to the next delivery, to the other endpoints, or to the function's own resources."""

from __future__ import annotations

import errno
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool

from local.receiver import Receiver
from tests.integration.conftest import Aws
from tests.integration.hostile import (
    EMPTY,
    OK,
    Peer,
    contexts,
    hello_request_flood,
    serving,
    ticket_flood,
)
from tests.integration.pace import pace
from tests.integration.pipeline import Pipeline, failures
from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.signing import new_secret

AT = "2026-05-29T10:30:00.000Z"
BUSY_WEBHOOKS, SIDE_BY_SIDE, MAX_FILES = 150, 10, 1024


@pytest.fixture(scope="module")
def certificates(authority: tuple[Path, Path]) -> dict[str, ssl.SSLContext]:
    return contexts(trustme.CA.from_pem(authority[0].read_bytes(), authority[1].read_bytes()))


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def attempt(url: str, webhook_id: str = "wh_1", secret: str | None = None) -> Attempt:
    from deliver import sender

    webhook = Webhook(webhook_id, "acme", "n", url, [], "active", secret or new_secret(), AT, AT)
    return sender.post(webhook, DeliveryMessage(webhook_id, "acme", "evt_1", "e", AT, 1, AT, "{}"), number=1)


@pytest.mark.parametrize(
    "header",
    [
        b"Set-Cookie: a=b\r\nSet-Cookie2: " + b"a=b, " * 12_000,  # looked at only where there is a Set-Cookie, too
        b'Content-Type: multipart/x; a="' + b";" * 60_000,
    ],
    ids=["cookies", "type"],
)
def test_headers_that_nobody_needs_cost_nothing(certificates: dict[str, ssl.SSLContext], header: bytes) -> None:
    """Parsed, 60 KB of cookies cost as much CPU as a hundred deliveries, and of parameters of the type seconds."""

    def cost(answer: bytes) -> float:
        def script(peer: Peer) -> None:
            while peer.request().startswith(b"POST"):
                peer.send(answer)

        with serving(script, certificates["good"]) as (port, _):
            attempt(f"https://localhost:{port}/")
            started = time.thread_time()
            assert attempt(f"https://localhost:{port}/").error is None
            return time.thread_time() - started

    padding = b"X-Padding: " + b"a" * len(header)
    assert cost(OK + header + b"\r\n" + EMPTY) < 10 * cost(OK + padding + b"\r\n" + EMPTY)


@pytest.mark.long
@pytest.mark.parametrize("flood", [hello_request_flood, ticket_flood])
def test_a_flooding_endpoint_holds_up_no_batch(
    pipeline: Pipeline, receiver: Receiver, certificates: dict[str, ssl.SSLContext], flood: Callable[[Peer], None]
) -> None:
    """Nine beside it are acknowledged, and it is told that it was too late."""
    with serving(flood, certificates["tickets"]) as (port, _):
        urls = [*(receiver.url(f"/hook-{number}") for number in range(9)), f"https://localhost:{port}/"]
        messages = []
        for number, url in enumerate(urls):
            pipeline.webhook(url, f"wh_{number}")
            messages.append(pipeline.message(f"wh_{number}"))
        with pace() as measured:
            started = time.monotonic()
            stays = pipeline.deliver(*messages)
            took = time.monotonic() - started
    assert took < measured.bound(5.7)
    assert [message.webhook_id for message, stayed in zip(messages, stays, strict=True) if stayed] == ["wh_9"]
    delivery = pipeline.delivery(messages[9])
    assert delivery is not None
    (made,) = delivery.attempts
    assert made.error_code in ("timeout", "connect_timeout")
    assert made.duration_ms >= 5000


def test_a_200_after_5_seconds_is_no_success(
    certificates: dict[str, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever measures it: here neither the socket's timeout nor the watchdog is in its way."""
    from deliver import sender

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + EMPTY)

    monkeypatch.setattr(sender, "ATTEMPT_SECONDS", 0.0)
    monkeypatch.setattr(HTTPAdapter, "send", _without_timeout(HTTPAdapter.send))
    with serving(script, certificates["good"]) as (port, _):
        made = attempt(f"https://localhost:{port}/")
    assert (made.status_code, made.error_code) == (None, "timeout")


def _without_timeout(send: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, request, **options: send(self, request, **options | {"timeout": (5, 5)})


@pytest.mark.long
def test_a_connection_is_free_only_when_its_attempt_is_over(
    certificates: dict[str, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    urllib3 frees it when the body is read. An attempt of the same webhook may take it in that moment: the watch over the
    first one's body, a second, would end the second attempt.
    """
    from deliver import watchdog

    requests: list[bytes] = []
    later: list[Future[Attempt]] = []
    reading = threading.Event()
    free = HTTPConnectionPool._put_conn

    def script(peer: Peer) -> None:
        while (head := peer.request()).startswith(b"POST"):
            requests.append(head)
            if len(requests) == 2:
                reading.set()
                peer.closing.wait(1.5)  # longer than a body may take, and not yet too late
            peer.send(OK + EMPTY)

    def free_for_another(pool: HTTPConnectionPool, connection: Any) -> None:
        free(pool, connection)
        if not later:
            later.append(threads.submit(attempt, url, secret=secret))
            assert reading.wait(5)

    monkeypatch.setattr(HTTPConnectionPool, "_put_conn", free_for_another)
    secret = new_secret()
    with serving(script, certificates["good"]) as (port, accepted), ThreadPoolExecutor(1) as threads:
        url = f"https://localhost:{port}/"
        first = attempt(url, secret=secret)
        second = later[0].result()
    assert (first.status_code, second.status_code) == (200, 200)
    assert (len(requests), len(accepted)) == (2, 1)
    assert len(watchdog._watches) == 0


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def as_many_files_as_lambda() -> Iterator[None]:
    """1,024 open files. That is the soft limit, which can be raised again."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
@pytest.mark.usefixtures("as_many_files_as_lambda")
def test_kept_connections_never_use_up_the_files(certificates: dict[str, ssl.SSLContext]) -> None:
    """The receiver is in this process, too: both ends of each connection fit into what Lambda allows."""
    from deliver import sender

    arrived = []
    barrier = threading.Barrier(SIDE_BY_SIDE, timeout=20)

    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            barrier.wait()  # so that the ten of a batch need ten connections
            arrived.append(1)
            peer.send(OK + EMPTY)

    secret, charged, most = new_secret(), [], 0
    with serving(script, certificates["good"]) as (port, _), ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        before = open_files()
        for number in range(BUSY_WEBHOOKS):
            url = f"https://localhost:{port}/"
            sender.adapters.trim()
            made = pool.map(lambda _, n=number, u=url: attempt(u, f"wh_{n}", secret), range(SIDE_BY_SIDE))
            charged += [one.error for one in made if one.error]
            most = max(most, open_files() - before)
        sender.adapters.trim(kept=-1)
    assert (len(arrived), charged) == (BUSY_WEBHOOKS * SIDE_BY_SIDE, [])
    assert most < MAX_FILES - 256, f"{most} files, both ends"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_what_this_process_runs_out_of_is_charged_to_nobody(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def exhausted(*_: Any) -> None:
        raise OSError(number, "no more of them")

    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "connect", exhausted)
        assert pipeline.deliver(message) == [True]
    assert pipeline.delivery(message) is None


def test_an_endpoints_words_reach_neither_logs_nor_the_bus(
    pipeline: Pipeline, certificates: dict[str, ssl.SSLContext], caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint that sends the request back would put the URL and the payload there."""

    def echo(peer: Peer) -> None:
        peer.send(peer.request())

    with serving(echo, certificates["good"]) as (port, _):
        pipeline.webhook(f"https://localhost:{port}/secret-path")
        message = pipeline.message()
        pipeline.logged(message, status="retrying", attempts=failures(3))
        pipeline.deliver(message)
    pipeline.process_dead_letters(message)
    delivery, webhook = pipeline.delivery(message), pipeline.stored()
    assert delivery is not None
    assert delivery.attempts[-1].response_body == "POST /secret-path HTTP/1.1\r\n"
    assert (webhook.failing_code, webhook.failing_reason) == ("protocol", "the answer is not HTTP")
    emitted = {
        name: (detail["failing_code"], detail["failing_reason"]) for name, detail in pipeline.operational_events()
    }
    assert emitted == {"webhook.failing": ("protocol", "the answer is not HTTP")}
    lines = [vars(record) for record in caplog.records if record.name in ("test", "deliveries")]
    assert [line["error_code"] for line in lines if line["msg"] == "delivery.attempted"] == ["protocol"]
    assert "secret-path" not in str(lines)


def test_the_connections_of_the_webhooks_attempted_longest_ago_are_closed_first(receiver: Receiver) -> None:
    from deliver import sender

    sender.adapters.trim(kept=-1)
    for number in range(3):
        attempt(receiver.url("/hook"), f"wh_{number}")
    left = []
    for kept in (3, 1, 0):
        sender.adapters.trim(kept=kept)
        left.append([webhook_id for webhook_id, _ in sender.adapters._adapters])
    assert left == [["wh_0", "wh_1", "wh_2"], ["wh_2"], []]


def test_a_batch_closes_what_was_kept_for_others(pipeline: Pipeline, receiver: Receiver) -> None:
    from deliver import sender

    sender.adapters.trim(kept=-1)
    for number in range(3):
        attempt(receiver.url("/hook"), f"wh_{number}")
    for adapter in sender.adapters._adapters.values():
        adapter.used -= 31
    pipeline.webhook(receiver.url("/hook"), "wh_9")
    pipeline.deliver(pipeline.message("wh_9"))
    assert [webhook_id for webhook_id, _ in sender.adapters._adapters] == ["wh_9"]
