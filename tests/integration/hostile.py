"""Receivers that no one should have to talk to: TLS servers on loopback, each hostile in its own way."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trustme
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"


class Peer:
    """One accepted connection, and what a script may do with it. Every wait ends when the server is closed."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, closing: threading.Event) -> None:
        self.sock = sock
        self.closing = closing
        self._context = context

    def tls(self) -> None:
        self.sock = self._context.wrap_socket(self.sock, server_side=True)

    def request(self) -> bytes:
        """Handshake, then the whole request."""
        if not isinstance(self.sock, ssl.SSLSocket):
            self.tls()
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.sock.recv(65536) or b"\r\n\r\n"
        name = b"content-length: "
        start = head.lower().find(name)
        length = int(head[start + len(name) :].split(b"\r\n")[0]) if start >= 0 else 0
        body = len(head.split(b"\r\n\r\n", 1)[1])
        while body < length and (more := self.sock.recv(65536)):
            body += len(more)
        return head

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, every: float) -> None:
        for byte in data:
            if self.closing.wait(every):
                return
            self.send(bytes([byte]))

    def flood(self, data: bytes) -> None:
        """Until the other side has enough."""
        while not self.closing.is_set():
            self.send(data)

    def stall(self) -> None:
        self.closing.wait(30)

    def reset(self) -> None:
        """RST instead of FIN."""
        sock = self.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


Script = Callable[[Peer], None]


@dataclass(frozen=True)
class Kind:
    """
    `words` is the attempt's error, None for a success; `received` what the customer is shown of the answer; `within`
    bounds each attempt, in seconds; `attempts` follow one another, each on a connection of its own.
    """

    name: str
    words: str | None
    script: Script
    status: int | None = None
    certificate: str = "good"
    within: float = 5.5
    body_bytes: int = 100
    received: str | None = None
    attempts: int = 1


@contextmanager
def serving(script: Script, context: ssl.SSLContext) -> Iterator[tuple[int, list[int]]]:
    """The port, and a list that grows with every connection accepted."""
    closing, accepted = threading.Event(), []
    threads: list[threading.Thread] = []
    peers: list[Peer] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def handle(sock: socket.socket) -> None:
        sock.settimeout(20)
        peer = Peer(sock, context, closing)
        peers.append(peer)
        with suppress(OSError, ValueError):
            script(peer)
        with suppress(OSError):
            peer.sock.close()
        sock.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            accepted.append(1)
            threads.append(threading.Thread(target=handle, args=(sock,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1], accepted
    finally:
        closing.set()
        for waiting in (listener, *(peer.sock for peer in peers)):
            with suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(25)


def contexts(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    """A server context for each certificate that a kind names."""
    past, future = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=2)
    certificates = {
        "good": authority.issue_cert("localhost"),
        "expired": authority.issue_cert("localhost", not_before=past, not_after=past + timedelta(days=1)),
        "not yet valid": authority.issue_cert("localhost", not_before=future, not_after=future + timedelta(days=1)),
        "wrong host": authority.issue_cert("elsewhere.example"),
        "unknown authority": trustme.CA().issue_cert("localhost"),
    }
    made = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in certificates}
    for name, certificate in certificates.items():
        certificate.configure_cert(made[name])
    alone = authority.create_child_ca().issue_cert("localhost")
    made["no intermediate"] = _context(alone.private_key_pem, alone.cert_chain_pems[0])
    own = trustme.CA()
    made["tickets"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made["tickets"].minimum_version = ssl.TLSVersion.TLSv1_3
    made["tickets"].num_tickets = 0  # the first record after the handshake is the script's
    authority.issue_cert("localhost").configure_cert(made["tickets"])
    made["self-signed"] = _context(own.private_key_pem, own.cert_pem)
    return made


def _context(key: trustme.Blob, certificate: trustme.Blob) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(key.bytes() + certificate.bytes())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def after_request(*parts: bytes, then: Script | None = None) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        for part in parts:
            peer.send(part)
        if then:
            then(peer)

    return script


def tls_drip(peer: Peer) -> None:
    """A handshake that goes on, a byte at a time."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = peer._context.wrap_bio(incoming, outgoing, server_side=True)
    while sent := peer.sock.recv(65536):
        incoming.write(sent)
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        peer.drip(outgoing.read(), 0.05)


def record_drip(peer: Peer) -> None:
    """After the handshake, an answer of which one never has enough to decrypt."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = peer._context.wrap_bio(incoming, outgoing, server_side=True)
    done = False
    while not done:
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
            done = True
        peer.send(outgoing.read())
        if not done:
            incoming.write(peer.sock.recv(65536))
    server.write(OK + EMPTY)
    peer.drip(outgoing.read(), 0.5)


def hello_request_flood(peer: Peer) -> None:
    """HelloRequest records (RFC 5246, 7.4.1.1) in the handshake: OpenSSL skips them inside one call, without a certificate."""
    peer.sock.recv(65536)
    peer.flood(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000)


def ticket_flood(peer: Peer) -> None:
    """
    TLS 1.3 session tickets after the handshake, endlessly: OpenSSL takes in all that are there before it looks for data.

    It takes them in faster than it makes any, so they are made here: 800 minimal ones (RFC 8446, 4.6.1) a record.
    """
    client_random = peer.sock.recv(43, socket.MSG_PEEK)[11:].hex()
    with tempfile.NamedTemporaryFile("r") as secrets:
        peer._context.keylog_filename = secrets.name
        peer.tls()
        (found,) = re.findall(rf"^SERVER_TRAFFIC_SECRET_0 {client_random} (\w+)", secrets.read(), re.MULTILINE)
    records = RecordWriter(bytes.fromhex(found))
    ticket = b"\x04\0\0\x0f" + b"\0\0\1\0" + b"\0\0\0\0" + b"\1\0" + b"\0\1t" + b"\0\0"
    while not peer.closing.is_set():
        socket.socket.sendall(peer.sock, b"".join(records.handshake(ticket * 800) for _ in range(10)))


class RecordWriter:
    """TLS 1.3 records (RFC 8446, 5.2) of TLS_AES_256_GCM_SHA384 with one traffic secret, from the first on."""

    def __init__(self, secret: bytes) -> None:
        self._iv = int.from_bytes(_expand(secret, b"tls13 iv", 12))
        self._cipher = AESGCM(_expand(secret, b"tls13 key", 32))
        self._written = 0

    def handshake(self, messages: bytes) -> bytes:
        head = struct.pack("!BHH", 23, 0x0303, len(messages) + 1 + 16)
        nonce = (self._iv ^ self._written).to_bytes(12)
        self._written += 1
        return head + self._cipher.encrypt(nonce, messages + b"\x16", head)


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446, 7.1)."""
    info = struct.pack("!HB", length, len(label)) + label + b"\0"
    return HKDFExpand(SHA384(), length, info).derive(secret)


def head_flood(peer: Peer) -> None:
    """Headers as fast as they are taken, each of them short enough."""
    peer.request()
    peer.send(OK)
    peer.flood(b"X: y\r\n" * 10_000)


def answer_twice(*parts: bytes) -> Script:
    """
    Answers the first request on a connection with two responses in one record. The second one, a 200 too, would be taken
    for the answer to the next request; those on the same connection are answered with a 500.
    """

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"".join(parts) + OK + b"Content-Length: 8\r\n\r\nleftover")
        while peer.request().startswith(b"POST"):
            peer.send(b"HTTP/1.1 500 No\r\n" + EMPTY)

    return script


def with_head_only(*parts: bytes) -> Script:
    """Answers as soon as the request's head is there, its body unread."""

    def script(peer: Peer) -> None:
        peer.tls()
        peer.sock.recv(2048)
        for part in parts:
            peer.send(part)
        peer.closing.wait(2)

    return script


def handshake_then_stall(peer: Peer) -> None:
    peer.tls()
    peer.stall()


def reset_in_handshake(peer: Peer) -> None:
    peer.sock.recv(64)
    peer.reset()


def plain_http(peer: Peer) -> None:
    peer.sock.recv(65536)
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def hello(peer: Peer) -> None:
    """For certificates that the other side refuses."""
    peer.request()
    peer.send(OK + EMPTY)


def drip_headers(peer: Peer) -> None:
    peer.drip(b"X-Slow: " + b"y" * 1000, 0.1)


def reset_on_accept(peer: Peer) -> None:
    """Once the other side is connected for sure."""
    peer.closing.wait(0.1)
    peer.reset()


def reset_soon(peer: Peer) -> None:
    """Once what was sent before has arrived: a reset would overtake it."""
    time.sleep(0.1)
    peer.reset()


STALL: Script = Peer.stall
RESET: Script = Peer.reset
LATE = "no answer within 5 s"
GONE = "connection closed by the endpoint while"
BOMB = gzip.compress(b"\0" * 1_000_000) * 50  # the members of a file one after another are one file (RFC 1952, 2.2)
NOT_HTTP = "the answer is not HTTP"
NOT_VALID = "the answer is not valid HTTP"
UNKNOWN_AUTHORITY = "certificate is from an unknown authority, or an intermediate certificate is missing"

KINDS = [
    Kind("accepts and says nothing", f"{LATE} (still in the TLS handshake)", STALL),
    Kind("TLS handshake a byte at a time", f"{LATE} (still in the TLS handshake)", tls_drip),
    Kind("TLS, then silence", LATE, handshake_then_stall),
    Kind("never reads a large request", LATE, handshake_then_stall, body_bytes=65_000),
    Kind("reads the request, says nothing", LATE, after_request(then=STALL)),
    Kind("status line a byte at a time", f"{LATE} (still reading its headers)", after_request(then=lambda p: p.drip(OK, 0.5))),
    Kind("a TLS record a byte at a time", LATE, record_drip),
    Kind("stalls after the status line", f"{LATE} (still reading its headers)", after_request(OK, then=STALL)),
    Kind("stalls in the headers", f"{LATE} (still reading its headers)", after_request(OK, b"X: y\r\n", then=STALL)),
    Kind("headers a byte at a time", f"{LATE} (still reading its headers)", after_request(OK, then=drip_headers)),
    Kind("endless headers", NOT_VALID, after_request(OK, then=lambda p: p.flood(b"X-Many: y\r\n" * 50)), received="got more than 100 headers"),
    Kind("one endless header", "answered with more than 64 KiB of headers", after_request(OK, b"X: ", then=lambda p: p.flood(b"y" * 4096))),
    Kind("endless 100 Continue", "answered with more than 64 KiB of headers", after_request(then=lambda p: p.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 50))),
    Kind("103, then no answer", f"{LATE} (still reading its headers)", after_request(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", then=STALL)),
    Kind("100, 102 and 103, then 200", None, after_request(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", OK + EMPTY), 200, within=1.9),
    Kind("103, then 204", "answered 204, expected 200", after_request(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), 204, within=1.9),
    Kind("endless 103", "answered with more than 64 KiB of headers", after_request(then=lambda p: p.flood(b"HTTP/1.1 103 Hints\r\n\r\n" * 50))),
    Kind("101 to another protocol", "answered 101, expected 200", after_request(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", then=STALL), 101, within=1.9, attempts=2),
    Kind("200, then a body a byte at a time", None, after_request(OK, b"Content-Length: 900\r\n\r\n", then=lambda p: p.drip(b"x" * 900, 0.2)), 200, within=1.9),
    Kind("500, then a body a byte at a time", "answered 500, expected 200", after_request(b"HTTP/1.1 500 No\r\nContent-Length: 900\r\n\r\n", then=lambda p: p.drip(b"x" * 900, 0.2)), 500, within=1.9),
    Kind("200, then an endless body", None, after_request(OK, b"\r\n", then=lambda p: p.flood(b"x" * 65536)), 200, within=2.5),
    Kind("200, then endless chunks", None, after_request(OK, b"Transfer-Encoding: chunked\r\n\r\n", then=lambda p: p.flood(b"5\r\nhello\r\n" * 500)), 200, within=2.5),
    Kind("200, then an endless chunk extension", None, after_request(OK, b"Transfer-Encoding: chunked\r\n\r\n5;", then=lambda p: p.flood(b"x" * 4096)), 200, within=2.5),
    Kind("200, then endless trailers", None, after_request(OK, b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", then=lambda p: p.flood(b"X-Many: y\r\n" * 50)), 200, within=2.5),
    Kind("200, a chunk of a negative size", None, after_request(OK, b"Transfer-Encoding: chunked\r\n\r\n-fffffffffffffffff\r\n"), 200, within=2.5),
    Kind("a length, and chunks in a coding", None, after_request(OK, b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 2\r\n\r\n2\r", then=lambda p: p.drip(b"\nok\r\n0\r\n\r\n", 0.3)), 200, within=2.5, attempts=2),
    Kind("a boundary that takes seconds to find", None, after_request(OK + b'Content-Type: multipart/x; a="' + b";" * 60_000 + b"\r\n" + EMPTY), 200, within=1.9),
    Kind("a boundary in pieces that do not fit", None, after_request(OK + b"Content-Type: multipart/x; boundary*=x; boundary*0=y\r\n" + EMPTY), 200, within=1.9),
    Kind("a boundary in no encoding", None, after_request(OK + b"Content-Type: multipart/x; boundary*=undefined''x\r\n" + EMPTY), 200, within=1.9),
    Kind("200, chunks that are none", None, after_request(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 200, within=2.5),
    Kind("Content-Length too long", None, after_request(OK, b"Content-Length: 1000\r\n\r\nshort", then=STALL), 200, within=1.9),
    Kind("Content-Length too short", None, after_request(OK, b"Content-Length: 2\r\n\r\nok and more of it"), 200, within=1.9),
    Kind("Content-Length negative", None, after_request(OK, b"Content-Length: -5\r\n\r\nbody"), 200, within=1.9),
    Kind("Content-Length no number", None, after_request(OK, b"Content-Length: many\r\n\r\nbody"), 200, within=1.9),
    Kind("Content-Length huge", None, after_request(OK, b"Content-Length: " + b"9" * 4000 + b"\r\n\r\nx", then=STALL), 200, within=1.9),
    Kind("two Content-Lengths", NOT_VALID, after_request(OK, b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), received="Content-Length contained multiple unmatching values (2, 3)"),
    Kind("chunked and Content-Length", None, after_request(OK, b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 200, within=1.9),
    Kind("gzip bomb", None, after_request(OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB), 200, within=2.5),
    Kind("NUL and bare CR in headers", None, after_request(OK, b"X: a\0b\rc\r\nContent-Length: 0\r\n\r\n"), 200, within=1.9),
    Kind("RST on accept", f"{GONE} in the TLS handshake", reset_on_accept),
    Kind("RST in the handshake", f"{GONE} in the TLS handshake", reset_in_handshake),
    Kind("RST after the request", f"{GONE} waiting for the answer", after_request(then=RESET)),
    Kind("RST in the headers", f"{GONE} reading its headers", after_request(OK, b"X: ", then=reset_soon)),
    Kind("RST in the body of a 200", None, after_request(OK, b"Content-Length: 9\r\n\r\nab", then=reset_soon), 200, within=1.9),
    Kind("FIN without an answer", f"{GONE} waiting for the answer", after_request()),
    Kind("FIN in the headers", f"{GONE} reading its headers", after_request(OK, b"X: y")),
    Kind("certificate expired", "certificate has expired", hello, certificate="expired"),
    Kind("certificate not yet valid", "certificate is not yet valid", hello, certificate="not yet valid"),
    Kind("certificate of another host", "certificate is not valid for 'localhost'", hello, certificate="wrong host"),
    Kind("certificate of an unknown authority", UNKNOWN_AUTHORITY, hello, certificate="unknown authority"),
    Kind("certificate without its intermediate", UNKNOWN_AUTHORITY, hello, certificate="no intermediate"),
    Kind("certificate self-signed", "certificate is self-signed", hello, certificate="self-signed"),
    Kind("plain HTTP", "the endpoint does not speak TLS at this port", plain_http),
    Kind("SSH banner", NOT_HTTP, after_request(b"SSH-2.0-OpenSSH_9.9\r\n"), received="SSH-2.0-OpenSSH_9.9\r\n"),
    Kind("HTTP/0.9", NOT_HTTP, after_request(b"hello world\n"), received="hello world\n"),
    Kind("HTTP/2 preface", NOT_HTTP, after_request(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), received="PRI * HTTP/2.0\r\n"),
    Kind("HTTP/2 frames", NOT_HTTP, after_request(b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18 + b"\r\n"), received="\0\0\x12\x04" + "\0" * 23 + "\r\n"),
    Kind("HTTP/9.9", "the answer is not HTTP/1.1", after_request(b"HTTP/9.9 200 OK\r\n" + EMPTY), received="HTTP/9.9"),
    Kind("status 99999", NOT_HTTP, after_request(b"HTTP/1.1 99999 Much\r\n" + EMPTY), received="HTTP/1.1 99999 Much\r\n"),
    Kind("status 2", NOT_HTTP, after_request(b"HTTP/1.1 2 Little\r\n" + EMPTY), received="HTTP/1.1 2 Little\r\n"),
    Kind("status no number", NOT_HTTP, after_request(b"HTTP/1.1 OK\r\n" + EMPTY), received="HTTP/1.1 OK\r\n"),
    Kind("status with a sign", NOT_HTTP, after_request(b"HTTP/1.1 +200 OK\r\n" + EMPTY), received="HTTP/1.1 +200 OK\r\n"),
    Kind("status with an underscore", NOT_HTTP, after_request(b"HTTP/1.1 2_00 OK\r\n" + EMPTY), received="HTTP/1.1 2_00 OK\r\n"),
    Kind("endless HelloRequests in the handshake", f"{LATE} (still in the TLS handshake)", hello_request_flood, within=5.2),
    Kind("endless session tickets", LATE, ticket_flood, certificate="tickets", within=5.2),
    Kind("a flood of headers", "the answer is not valid HTTP", head_flood),
    Kind("a second response behind one with a length", None, answer_twice(OK, b"Content-Length: 2\r\n\r\nok"), 200, within=1.9, received="ok", attempts=2),
    Kind("a second response behind an empty one", None, answer_twice(OK, EMPTY), 200, within=1.9, received="", attempts=2),
    Kind("a second response behind chunks", None, answer_twice(OK, b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 200, within=1.9, received="ok", attempts=2),
    Kind("a second response behind a long one", None, answer_twice(OK, b"Content-Length: 20000\r\n\r\n", b"x" * 20_000), 200, within=1.9, received="x" * 1024, attempts=2),
    Kind("60 KiB of old cookies", None, after_request(OK + b"Set-Cookie: a=b\r\nSet-Cookie2: " + b"a=b, " * 12_000 + b"\r\n" + EMPTY), 200, within=1.9),
    Kind("answers before it read the request", None, with_head_only(OK + b"Connection: close\r\n" + EMPTY), 200, body_bytes=65_000, within=2.5),
    Kind("413 before it read the request", "answered 413, expected 200", with_head_only(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + EMPTY), 413, body_bytes=65_000, within=2.5),
    Kind("401 that asks for a password", "answered 401, expected 200", after_request(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n" + EMPTY), 401, within=1.9),
    Kind("503 that asks to come back later", "answered 503, expected 200", after_request(b"HTTP/1.1 503 No\r\nRetry-After: 3600\r\n" + EMPTY), 503, within=1.9),
    Kind("60 KiB of cookies", None, after_request(OK + b"Set-Cookie: a=" + b"=;, " * 15_000 + b"\r\n" + EMPTY), 200, within=1.9),
    Kind("headers that are none", None, after_request(OK + b"no colon here\r\n: no name\r\n" + EMPTY), 200, within=2.5),
    Kind("204", "answered 204, expected 200", after_request(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, within=1.9),
    Kind("200 without an end of headers", f"{GONE} reading its headers", after_request(OK)),
]  # fmt: skip
