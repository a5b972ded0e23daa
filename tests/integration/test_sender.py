"""What one attempt sends, reads, waits for and leaves behind."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from deliver import adapters, connection, deadline_socket, sender, watchdog
from deliver.tls import tls_context
from local.receiver import Receiver
from tests.integration.hostile import (
    EMPTY,
    KINDS,
    OK,
    Kind,
    Peer,
    after_request,
    contexts,
    handshake_then_stall,
    serving,
)
from tests.integration.pace import pace
from tests.integration.test_hostile import attempt
from webhooks.deliveries import Attempt
from webhooks.models import Webhook
from webhooks.signing import new_secret
from webhooks.times import now, parse_time

Serve = Callable[[Callable[[Peer], None]], tuple[str, list[int]]]
"""A URL whose server follows the script, and a list that grows with every connection accepted."""

_NAMES = {
    "100, 102 and 103, then 200",
    "103, then 204",
    "101 to another protocol",
    "endless headers",
    "one endless header",
    "endless 103",
    "200, then endless chunks",
    "200, then an endless chunk extension",
    "200, then endless trailers",
    "200, a chunk of a negative size",
    "a boundary in pieces that do not fit",
    "a boundary in no encoding",
    "200, chunks that are none",
    "Content-Length too short",
    "Content-Length no number",
    "RST in the headers",
    "RST in the body of a 200",
    "FIN without an answer",
    "FIN in the headers",
    "200 without an end of headers",
    "SSH banner",
    "HTTP/0.9",
    "HTTP/9.9",
    "status with a sign",
    "a second response behind one with a length",
    "a second response behind an empty one",
    "a second response behind chunks",
    "a second response behind a long one",
}
END_BY_THEMSELVES = [kind for kind in KINDS if kind.name in _NAMES]
assert len(END_BY_THEMSELVES) == len(_NAMES)


@pytest.fixture(scope="module")
def certificates(authority: tuple[Path, Path]) -> dict[str, ssl.SSLContext]:
    return contexts(trustme.CA.from_pem(authority[0].read_bytes(), authority[1].read_bytes()))


@pytest.fixture
def serve(certificates: dict[str, ssl.SSLContext]) -> Iterator[Serve]:
    with ExitStack() as ending:

        def start(script: Callable[[Peer], None]) -> tuple[str, list[int]]:
            port, accepted = ending.enter_context(serving(script, certificates["good"]))
            return f"https://localhost:{port}/", accepted

        yield start
        sender.adapters.trim(kept=-1)


@pytest.mark.parametrize("kind", END_BY_THEMSELVES, ids=lambda kind: kind.name)
def test_an_odd_answer_is_told_in_words_and_nothing_is_left_of_it(serve: Serve, kind: Kind) -> None:
    secret = new_secret()
    url, accepted = serve(kind.script)
    for number in range(1, kind.attempts + 1):
        made = attempt(url, secret=secret)
        assert (made.status_code, made.error) == (kind.status, kind.words)
        assert (made.error_code is None) == (made.error is None)
        if made.status_code is None:
            assert made.error_code == ("connection_closed" if "closed" in str(made.error) else "protocol")
        if kind.received is not None:
            assert made.response_body == kind.received
        assert len(accepted) == number
        assert watchdog._watches == set()


def test_a_refused_answer_is_closed_at_once(serve: Serve) -> None:
    """Not when its time is over, or when Python collects what is left of it."""
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"Connection: close\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n")
        if not peer.sock.recv(1):
            closed.set()

    gc.disable()
    try:
        assert attempt(serve(script)[0]).error == "the answer is not valid HTTP"
        assert closed.wait(2)
    finally:
        gc.enable()
    assert watchdog._watches == set()


def test_an_attempt_says_when_it_was_and_how_long_it_took(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the next whole millisecond."""
    elapsed = 0.0

    def takes_two_seconds(_: Any) -> None:
        nonlocal elapsed
        elapsed += 2.0001

    def banner(peer: Peer) -> None:
        peer.request()
        takes_two_seconds(None)
        peer.send(b"SSH-2.0-" + b"x" * 2000 + b"\r\n")

    monkeypatch.setattr(sender, "monotonic", lambda: 1000 + elapsed)
    monkeypatch.setattr(receiver, "on_received", takes_two_seconds)
    before = now()
    for url, code, body in (
        (receiver.url("/hook"), None, "ok"),
        (serve(banner)[0], "protocol", "SSH-2.0-" + "x" * 1016),
    ):
        made = attempt(url)
        assert (made.number, made.round, made.duration_ms) == (1, 1, 2001)
        assert (made.error_code, made.response_body, made.redirect_to, made.retry_after) == (code, body, None, None)
        assert before.timestamp() - 0.001 <= parse_time(made.at).timestamp() <= now().timestamp()


def test_a_large_request_arrives_whole(receiver: Receiver) -> None:
    """In several TLS records."""
    assert attempt(receiver.url("/hook"), body_bytes=65_000).error is None
    assert [posted.body for posted in receiver.received("/hook")] == [b"x" * 65_000]


@pytest.mark.parametrize(("size", "code"), [(65_536, None), (65_537, "protocol")])
def test_a_head_has_64_kib_at_most(serve: Serve, size: int, code: str | None) -> None:
    begin = OK + b"Content-Length: 0\r\nX: " + b"y" * 60_000 + b"\r\nX: "
    head = begin + b"y" * (size - len(begin) - 4) + b"\r\n\r\n"
    assert attempt(serve(after_request(head, then=Peer.stall))[0]).error_code == code


def test_the_first_kib_of_a_body_in_pieces_is_kept(serve: Serve) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"Content-Length: 1500\r\n\r\n" + b"a" * 600)
        peer.closing.wait(0.05)
        peer.send(b"b" * 900)

    assert attempt(serve(script)[0]).response_body == "a" * 600 + "b" * 424


def test_what_an_endpoint_asks_for_and_where_it_leads(serve: Serve) -> None:
    answers = [
        (b"300 x\r\nLocation: /a\r\n", None, "/a"),
        (b"399 x\r\nLocation: /b\r\n", None, "/b"),
        (b"302 x\r\n", None, None),
        (b"302 x\r\nLocation: " + b"c" * 600 + b"\r\n", None, "c" * 512),
        (b"299 x\r\nLocation: /d\r\n", None, None),
        (b"400 x\r\nLocation: /e\r\n", None, None),
        (b"503 x\r\nRetry-After: 120\r\n", 120, None),
        (b"503 x\r\nRetry-After: Thu, 31 Dec 2099 23:59:59 GMT\r\n", 900, None),
        (b"503 x\r\nRetry-After: 120\r\nRetry-After: 130\r\n", None, None),
    ]

    def script(peer: Peer) -> None:
        for answer, _, _ in answers:
            peer.request()
            peer.send(b"HTTP/1.1 " + answer + EMPTY)

    (url, accepted), secret = serve(script), new_secret()
    for _, wait, target in answers:
        made = attempt(url, secret=secret)
        assert (made.retry_after, made.redirect_to) == (wait, target)
    assert len(accepted) == 1


def test_an_answer_that_came_before_the_request_was_read_is_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the rest of the request meets a closed connection."""

    def script(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.tls()
        peer.sock.recv(1024)
        peer.send(b"HTTP/1.1 413 Too Large\r\n" + EMPTY)
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
        peer.closing.wait(0.05)

    monkeypatch.setattr(socket.socket, "connect", with_small_buffers(socket.socket.connect))
    made = attempt(serve(script)[0], body_bytes=65_000)
    assert (made.status_code, made.error) == (413, "answered 413, expected 200")


def test_who_closes_the_connection_before_the_request_is_sent_is_told_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.tls()
        peer.sock.recv(1024)
        peer.reset()

    monkeypatch.setattr(socket.socket, "connect", with_small_buffers(socket.socket.connect))
    made = attempt(serve(script)[0], body_bytes=65_000)
    assert made.error == "connection closed by the endpoint while sending the request"


# Connections that are kept.


def test_a_408_on_a_kept_connection_says_nothing_about_the_request(serve: Serve) -> None:
    """The server had given up waiting for one (RFC 9110, section 15.5.9). On a new connection, it is the answer."""

    def script(peer: Peer) -> None:
        if peer.request().startswith(b"POST /408"):
            peer.send(b"HTTP/1.1 408 Request Timeout\r\n" + EMPTY)
            return
        peer.send(OK + EMPTY)
        peer.request()
        peer.send(b"HTTP/1.1 408 Request Timeout\r\n" + EMPTY)

    secret = new_secret()
    url, accepted = serve(script)
    assert [attempt(url, secret=secret).status_code for _ in range(2)] == [200, 200]
    assert len(accepted) == 2
    assert attempt(f"{url}408").status_code == 408


def test_ten_connections_are_kept_of_a_webhook(serve: Serve) -> None:
    """As many as a batch has messages."""
    together = threading.Barrier(10, timeout=10)

    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            together.wait()
            peer.send(OK + EMPTY)

    (url, accepted), secret = serve(script), new_secret()
    with ThreadPoolExecutor(10) as pool:
        for _ in range(2):
            made = list(pool.map(lambda _: attempt(url, secret=secret), range(10)))
            assert [one.error for one in made] == [None] * 10
    assert len(accepted) == 10


def test_a_connection_whose_body_has_not_ended_is_not_used_again(serve: Serve) -> None:
    """Though nothing of the rest is there yet."""

    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            peer.send(OK + b"Content-Length: 65537\r\n\r\n" + b"x" * 65_536)

    (url, accepted), secret = serve(script), new_secret()
    assert [attempt(url, secret=secret).error for _ in range(2)] == [None] * 2
    assert len(accepted) == 2


@pytest.mark.parametrize("header", [b"Connection: close", b"Transfer-Encoding: gzip, chunked"])
def test_a_connection_that_is_to_end_is_not_used_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, header: bytes
) -> None:
    """Though the server leaves it open, and sends a length."""
    monkeypatch.setattr(sender, "_BODY_SECONDS", 0.1)

    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            peer.send(OK + header + b"\r\nContent-Length: 2\r\n\r\nok")

    (url, accepted), secret = serve(script), new_secret()
    assert [attempt(url, secret=secret).response_body for _ in range(2)] == ["ok"] * 2
    assert len(accepted) == 2


def test_what_was_kept_is_closed_when_the_webhook_leads_elsewhere(serve: Serve, receiver: Receiver) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + EMPTY)
        if not peer.request().strip():
            closed.set()

    (url, _), secret = serve(script), new_secret()
    attempt(url, secret=secret)
    attempt(receiver.url("/hook"), secret=secret)
    assert closed.wait(5)


def test_a_kept_connection_has_its_time_anew(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            peer.send(OK + EMPTY)

    (url, accepted), secret = serve(script), new_secret()
    assert attempt(url, secret=secret).error is None
    for module in (connection, deadline_socket, sender, watchdog):
        monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + 6)
    assert attempt(url, secret=secret).error is None
    assert len(accepted) == 1


def test_a_webhook_without_a_connection_takes_no_place() -> None:
    kept = adapters.Adapters()
    webhook = Webhook("wh_1", "acme", "n", "https://localhost/", [], "active", new_secret(), "", "")
    adapter = kept.of(webhook)
    kept.trim(kept=0)
    assert kept.of(webhook) is adapter


# Several addresses.


@pytest.fixture
def three_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of localhost. Nobody listens at the first two."""
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 0)) for last in (3, 2, 1)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)


@pytest.mark.usefixtures("three_addresses")
def test_each_address_has_its_share_of_the_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[Any] = []
    connect = socket.socket.connect

    def see(sock: socket.socket, address: Any) -> None:
        shares.append(sock.gettimeout())
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", see)
    with pace() as measured:
        assert attempt(receiver.url("/hook")).error is None
    late = measured.bound(0.3)
    assert all(whole - late < share <= whole for share, whole in zip(shares, (5 / 3, 5 / 2, 5), strict=True)), shares


@pytest.mark.usefixtures("three_addresses")
def test_an_attempt_that_is_ended_tries_no_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def ended(_: socket.socket, address: Any) -> None:
        tried.append(address)
        watchdog.end_early(threading.get_ident())
        raise ConnectionResetError

    monkeypatch.setattr(socket.socket, "connect", ended)
    with pytest.raises(watchdog.AttemptEnded):
        attempt("https://localhost:1/")
    assert tried == [("127.0.0.3", 1)]


# Deadlines. An attempt has a second here, not five, and a body 0.2 s.

LATE = "no answer within 5 s"


@contextmanager
def full_listener() -> Iterator[str]:
    """Whose queue is full: it answers no SYN."""
    with socket.socket() as listener, ExitStack() as ending:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = ending.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"https://localhost:{listener.getsockname()[1]}/"


def with_small_buffers(connect: Callable[..., None]) -> Callable[..., None]:
    def small(sock: socket.socket, address: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connect(sock, address)

    return small


def reads_nothing(peer: Peer) -> None:
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    handshake_then_stall(peer)


@pytest.mark.long
@pytest.mark.parametrize("alone", ["the watchdog", "the socket's timeout"])
def test_either_bound_ends_an_attempt_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch, alone: str) -> None:
    """
    OpenSSL looks at no timeout while it takes in records that hold no data. The watchdog's bound holds for a body whose
    connection http.client has closed by then, too.
    """
    for name, seconds in (("ATTEMPT_SECONDS", 1.0), ("_BODY_SECONDS", 0.2)):
        monkeypatch.setattr(sender, name, seconds)
    monkeypatch.setattr(socket.socket, "connect", with_small_buffers(socket.socket.connect))
    body = after_request(OK, b"Content-Length: 900\r\n\r\nab", then=Peer.stall)
    last_body = after_request(OK, b"Connection: close\r\n\r\nab", then=Peer.stall)
    head = after_request(OK, b"X: y\r\n", then=Peer.stall)
    waits = [
        (serve(Peer.stall)[0], 1, f"{LATE} (still in the TLS handshake)"),
        (serve(reads_nothing)[0], 1, f"{LATE} (still sending the request)"),
        (serve(after_request(then=Peer.stall))[0], 1, LATE),
        (serve(head)[0], 1, f"{LATE} (still reading its headers)"),
        (serve(body)[0], 0.2, None),
        (serve(last_body)[0], 0.2, None),
    ]

    def timed(url: str) -> tuple[Attempt, float]:
        started = time.monotonic()
        return attempt(url, body_bytes=65_000), time.monotonic() - started

    pool = ThreadPoolExecutor(8)  # whoever hangs does so until the servers close
    with full_listener() as full, pace() as measured, monkeypatch.context() as patched:
        waits.append((full, 1, f"{LATE} (still connecting)"))
        if alone == "the watchdog":
            patched.setattr(socket.socket, "settimeout", _of_half_a_minute(socket.socket.settimeout))
        else:
            patched.setattr(socket.socket, "shutdown", lambda *_: None)
        attempts = [(pool.submit(timed, url), seconds, words) for url, seconds, words in waits]
        made = [(one.result(10), seconds, words) for one, seconds, words in attempts]
    pool.shutdown()
    for (one, took), seconds, words in made:
        assert (one.error, one.response_body) == (words, None if words else "ab")
        assert seconds <= took < measured.bound(seconds + 0.5)
    assert watchdog._watches == set()
    gc.collect()  # a socket that nobody has closed fails the test


def _of_half_a_minute(settimeout: Callable[..., None]) -> Callable[..., None]:
    return lambda sock, _: settimeout(sock, 30)


def test_a_name_is_looked_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(*_: Any, **__: Any) -> Any:
        over.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(sender, "ATTEMPT_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with pace() as measured:
        started = time.monotonic()
        made = attempt("https://slow-dns.example/")
        took = time.monotonic() - started
    over.set()
    assert took < measured.bound(1)
    assert (made.error, made.error_code) == (f"{LATE} (still looking up the name)", "connect_timeout")


def test_an_attempt_whose_time_is_over_ends_at_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a second one on a new connection may be. urllib3 refuses a timeout of zero."""
    monkeypatch.setattr(sender, "ATTEMPT_SECONDS", 0)
    url, _ = serve(Peer.stall)
    with pace() as measured:
        started = time.monotonic()
        made = attempt(url)
        took = time.monotonic() - started
    assert made.error_code == "connect_timeout"
    assert took < measured.bound(0.5)


# Which certificates pass.


def test_in_the_cloud_there_is_no_authority_but_the_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_CA_FILE")
    monkeypatch.delenv("LOCAL_ALLOW_LOOPBACK")
    names = [str(authority["subject"]) for authority in tls_context().get_ca_certs()]
    assert len(names) > 50
    assert not [name for name in names if "trustme" in name]
