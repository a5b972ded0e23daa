"""Whatever the receiver does, an attempt ends in time, says why in words, and leaves the function as it was."""

from __future__ import annotations

import gzip
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from local import ca
from local.receiver import Answer, Receiver
from tests.integration.hostile import EMPTY, KINDS, OK, Kind, Peer, after_request, contexts, serving
from tests.integration.pace import pace
from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.signing import new_secret

AT = "2026-05-29T10:30:00.000Z"


@pytest.fixture(scope="module")
def certificates(authority: tuple[Path, Path]) -> dict[str, Any]:
    return contexts(trustme.CA.from_pem(authority[0].read_bytes(), authority[1].read_bytes()))


def attempt(url: str, body_bytes: int = 100, webhook_id: str = "wh_1", secret: str | None = None) -> Attempt:
    from deliver import sender

    webhook = Webhook(webhook_id, "acme", "n", url, [], "active", secret or new_secret(), AT, AT)
    message = DeliveryMessage(webhook_id, "acme", "evt_1", "message.incoming", AT, 1, AT, "x" * body_bytes)
    return sender.post(webhook, message, number=1)


def leftovers() -> tuple[int, int]:
    """Open files and threads; but for the resolver's, which are kept on purpose and bounded."""
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("resolver")]
    return len(list(Path("/proc/self/fd").iterdir())), len(threads)


def await_leftovers(before: tuple[int, int], seconds: float = 10) -> None:
    from deliver import sender

    deadline = time.monotonic() + seconds
    sender.adapters.trim(kept=-1)
    while leftovers()[0] > before[0] or leftovers()[1] > before[1]:
        assert time.monotonic() < deadline, f"{leftovers()} open files and threads, {before} before"
        time.sleep(0.05)


@pytest.mark.long
def test_every_hostile_kind_ends_in_time_with_the_cause_in_words(
    certificates: dict[str, Any], receiver: Receiver
) -> None:
    attempt(receiver.url("/warm"))
    before, memory = leftovers(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def run(kind: Kind) -> list[tuple[Kind, Attempt, float]]:
        secret, made = new_secret(), []
        with serving(kind.script, certificates[kind.certificate]) as (port, accepted):
            for number in range(1, kind.attempts + 1):
                started = time.monotonic()
                one = attempt(f"https://localhost:{port}/hook", kind.body_bytes, f"wh_{port}", secret)
                made.append((kind, one, time.monotonic() - started))
                assert len(accepted) == number, f"{kind.name}: {len(accepted)} connections for {number} POSTs"
        assert attempt(receiver.url("/next")).error is None, f"the delivery after {kind.name}"
        return made

    with pace() as measured, ThreadPoolExecutor(max_workers=26) as pool:
        results = [one for made in pool.map(run, KINDS) for one in made]
    print(f"\n{'kind':42} {'status':>6} {'s':>5}  words")
    for kind, made, seconds in results:
        print(f"{kind.name:42} {made.status_code or '-':>6} {seconds:5.2f}  {made.error or 'delivered'}")
    wrong = {
        kind.name: (made.status_code, made.error, made.response_body, seconds)
        for kind, made, seconds in results
        if (made.status_code, made.error) != (kind.status, kind.words)
        or (kind.received is not None and made.response_body != kind.received)
        or seconds > measured.bound(kind.within)
    }
    assert wrong == {}
    assert len(results) >= 50
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) // 1024
    assert grown < 64, f"{grown} MiB"
    await_leftovers(before)


@pytest.mark.long
def test_look_ups_that_hang_end_in_time_and_hold_up_nobody(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """A batch of ten, all but one of which wait for DNS."""
    hanging, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if b"slow-dns" in (host if isinstance(host, bytes) else host.encode()):
            hanging.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        return real(host, *arguments, **options)

    def timed(url: str) -> tuple[str | None, float]:
        started = time.monotonic()
        return attempt(url).error, time.monotonic() - started

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pace() as measured, ThreadPoolExecutor(max_workers=10) as pool:
        slow = [pool.submit(timed, "https://slow-dns.example/") for _ in range(9)]
        error, _ = timed(receiver.url("/hook"))
        assert error is None
        assert not any(each.done() for each in slow)
    for each in slow:
        error, seconds = each.result()
        assert error == "no answer within 5 s (still looking up the name)"
        assert seconds < measured.bound(5.5)
    hanging.set()


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # not closed before the attempt: somebody else could get the port
        port = free.getsockname()[1]
        assert attempt(f"https://localhost:{port}/").error == "connection refused"


def test_a_name_that_does_not_resolve() -> None:
    assert attempt("https://no-such-name.invalid/").error == "the host name does not resolve"


def test_a_redirect_is_not_followed(certificates: dict[str, Any], receiver: Receiver) -> None:
    location = receiver.url("/private").encode()
    redirect = after_request(b"HTTP/1.1 307 Moved\r\nLocation: " + location + b"\r\n" + EMPTY)
    with serving(redirect, certificates["good"]) as (port, accepted):
        made = attempt(f"https://localhost:{port}/")
        assert made.error == "answered 307, expected 200 (redirects are not followed)"
        assert len(accepted) == 1
    assert receiver.connections == 0


@pytest.fixture
def seen(certificates: dict[str, Any]) -> Iterator[tuple[int, list[bytes]]]:
    """A receiver that keeps the head of each request and sets a cookie."""
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        while head := peer.request():
            heads.append(head)
            peer.send(OK + b"Set-Cookie: session=1\r\n" + EMPTY)

    with serving(script, certificates["good"]) as (port, _):
        yield port, heads


def test_no_cookie_comes_back_and_nothing_of_the_environment_is_used(
    seen: tuple[int, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heads = seen
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(netrc))
    secret = new_secret()
    made = [attempt(f"https://localhost:{port}/", secret=secret) for _ in range(2)]
    assert [one.error for one in made] == [None, None]
    assert len(heads) == 2
    for head in heads:
        names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
        assert not names & {b"cookie", b"authorization", b"proxy-authorization"}
        assert {b"x-webhook-signature", b"webhook-id", b"user-agent", b"host"} <= names


def count_connections(
    certificates: dict[str, Any], script: Callable[[Peer], None], attempts: Callable[[int], None]
) -> int:
    with serving(script, certificates["good"]) as (port, accepted):
        attempts(port)
        return len(accepted)


def answering(times: int) -> Callable[[Peer], None]:
    """Keeps the connection for so many requests, then closes it without a word."""

    def script(peer: Peer) -> None:
        for _ in range(times):
            if not peer.request():
                return
            peer.send(OK + EMPTY)
        if times == 1:
            return
        peer.request()

    return script


def test_a_connection_is_kept_for_the_same_webhook_and_secret(certificates: dict[str, Any]) -> None:
    def thrice(port: int) -> None:
        secret = new_secret()
        assert [attempt(f"https://localhost:{port}/", secret=secret).error for _ in range(3)] == [None] * 3

    assert count_connections(certificates, answering(10), thrice) == 1


@pytest.mark.parametrize("differs", ["webhook", "secret"])
def test_a_connection_is_never_shared(certificates: dict[str, Any], differs: str) -> None:
    def two(port: int) -> None:
        secret = new_secret()
        attempt(f"https://localhost:{port}/", secret=secret)
        other = {"webhook_id": "wh_2", "secret": secret} if differs == "webhook" else {"secret": new_secret()}
        attempt(f"https://localhost:{port}/", **other)  # type: ignore[arg-type]

    assert count_connections(certificates, answering(10), two) == 2


def test_a_kept_connection_that_was_closed_is_not_the_customers_failure(certificates: dict[str, Any]) -> None:
    def twice(port: int) -> None:
        secret = new_secret()
        assert [attempt(f"https://localhost:{port}/", secret=secret).error for _ in range(2)] == [None] * 2

    assert count_connections(certificates, answering(1), twice) == 2


def test_a_kept_connection_lost_under_the_request_is_tried_once_afresh(certificates: dict[str, Any]) -> None:
    """The first request is answered; the second is read and dropped; on a new connection it is answered."""
    lost: list[int] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + EMPTY)
        if peer.request() and not lost:
            lost.append(1)
            peer.reset()

    def twice(port: int) -> None:
        secret = new_secret()
        assert [attempt(f"https://localhost:{port}/", secret=secret).error for _ in range(2)] == [None] * 2

    assert count_connections(certificates, script, twice) == 2
    assert lost == [1]


def test_an_endpoint_that_drops_every_request_is_told_so(certificates: dict[str, Any]) -> None:
    """The repeat is one, and only where a connection was kept."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.reset()

    def once(port: int) -> None:
        made = attempt(f"https://localhost:{port}/")
        assert made.error == "connection closed by the endpoint while waiting for the answer"

    assert count_connections(certificates, script, once) == 1


def test_a_connection_idle_for_long_is_not_used_again(
    certificates: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from deliver import connection

    def twice(port: int) -> None:
        secret = new_secret()
        attempt(f"https://localhost:{port}/", secret=secret)
        monkeypatch.setattr(connection, "IDLE_SECONDS", -1)
        assert attempt(f"https://localhost:{port}/", secret=secret).error is None

    assert count_connections(certificates, answering(10), twice) == 2


def test_the_first_kib_of_the_response_is_kept_and_the_rest_read_on(receiver: Receiver) -> None:
    receiver.answer("/long", Answer(500, body=b"\xff" + b"x" * 50_000))
    made = attempt(receiver.url("/long"))
    assert made.response_body == "\N{REPLACEMENT CHARACTER}" + "x" * 1023


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("size", "connections"), [(65_536, 1), (65_537, 2)])
def test_a_connection_is_used_again_after_a_body_of_64_kib_at_most(
    certificates: dict[str, Any], size: int, connections: int, apart: bool
) -> None:
    """Whether or not it is read together with the head."""

    def script(peer: Peer) -> None:
        while peer.request().startswith(b"POST"):
            head = OK + b"Content-Length: %d\r\n\r\n" % size
            if apart:
                peer.send(head)
                peer.closing.wait(0.05)
            peer.send(b"x" * size if apart else head + b"x" * size)

    def twice(port: int) -> None:
        secret = new_secret()
        for _ in range(2):
            made = attempt(f"https://localhost:{port}/", secret=secret)
            assert (made.error, made.response_body) == (None, "x" * 1024)

    assert count_connections(certificates, script, twice) == connections


def test_kept_connections_that_are_all_lost_at_once_are_nobodys_failure(certificates: dict[str, Any]) -> None:
    """After a freeze, a batch to one webhook finds every connection that was kept dead, all at the same moment."""
    served = threading.Barrier(10, timeout=10)

    def script(peer: Peer) -> None:
        peer.request()
        if not served.broken:
            served.wait()  # so that there are ten connections
        peer.send(OK + EMPTY)
        peer.request()
        peer.reset()

    def twice(port: int) -> None:
        secret = new_secret()
        with ThreadPoolExecutor(max_workers=10) as pool:
            for _ in range(2):
                made = list(pool.map(lambda _: attempt(f"https://localhost:{port}/", secret=secret), range(10)))
                assert [one.error for one in made] == [None] * 10

    assert count_connections(certificates, script, twice) == 20


@pytest.mark.long
def test_the_end_of_an_attempt_is_never_put_off(certificates: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake of 3 s, then a request that nobody reads and no buffer takes: 5 s in all, not 5 s each."""
    connect = socket.socket.connect

    def with_small_buffer(sock: socket.socket, address: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connect(sock, address)

    def script(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.closing.wait(3)
        peer.tls()
        peer.stall()

    monkeypatch.setattr(socket.socket, "connect", with_small_buffer)
    with serving(script, certificates["good"]) as (port, _), pace() as measured:
        started = time.monotonic()
        made = attempt(f"https://localhost:{port}/", body_bytes=65_000)
        took = time.monotonic() - started
    assert took < measured.bound(5.5)
    assert made.error == "no answer within 5 s (still sending the request)"


def test_the_name_is_what_the_endpoint_is_asked_for(certificates: dict[str, Any], authority: tuple[Path, Path]) -> None:
    """SNI, Host and path are those of the URL, though the connection goes to an address."""
    context, names, heads = ca.server_context(*authority), [], []
    context.sni_callback = lambda sock, name, context: names.append(name)

    def script(peer: Peer) -> None:
        heads.append(peer.request())
        peer.send(OK + EMPTY)

    with serving(script, context) as (port, _):
        assert attempt(f"https://LOCALHOST:{port}//a/%2F?b=c").error is None
    assert names == ["localhost"]
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"POST //a/%2F?b=c HTTP/1.1"
    assert b"Host: localhost:%d" % port in lines


def test_odd_answers_put_no_url_into_the_logs(certificates: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Its query may hold the customer's token."""
    odd = after_request(OK + b"no colon here\r\n" + EMPTY)
    with serving(odd, certificates["good"]) as (port, _):
        attempt(f"https://localhost:{port}/?token=s3cret")
    assert "s3cret" not in caplog.text


def test_dns_servers_that_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    made = attempt("https://hooks.example.com/")
    assert made.error == "the host name cannot be looked up: its DNS servers do not answer"


def test_a_compressed_body_is_kept_as_it_came(receiver: Receiver) -> None:
    """Nothing is unpacked, so that nothing can be a bomb."""
    receiver.answer("/gzip", Answer(200, headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"hello")))
    made = attempt(receiver.url("/gzip"))
    assert made.error is None
    assert made.response_body is not None
    assert made.response_body.startswith("\x1f")
    assert "hello" not in made.response_body


def test_which_certificates_pass_does_not_depend_on_the_interpreter() -> None:
    """urllib3 asks for strict verification on Python 3.13 and later only, which AWS runs and many machines do not."""
    from deliver.tls import tls_context

    assert tls_context().verify_flags == ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    assert (tls_context().verify_mode, tls_context().check_hostname) == (ssl.CERT_REQUIRED, True)
