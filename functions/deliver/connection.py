"""A TLS connection to a vetted address on which every step, down to each read, ends by one deadline.

`requests` and urllib3 apply a timeout to each socket operation; here whatever timeout they set on the socket is the time
left for everything that follows. Failures leave as `AttemptFailed`, in words for the customer.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException, HTTPResponse
from math import inf
from time import monotonic, time
from typing import Any

import certifi
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

from deliver.failures import AttemptFailed, explain
from webhooks.addresses import resolve, vet

MAX_RESPONSE_BYTES = 64 * 1024
"""Read of a response's headers at most, and of its body at most."""

IDLE_SECONDS = 30.0
"""A connection unused for longer is not used again: it may have died while the function was frozen."""

_WAITING = "waiting for the answer"
# It warns of odd answers with the customer's URL; what is odd stands in the delivery log.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class ReusedConnectionLost(Exception):
    """A kept-alive connection ended before a byte of the answer: that says nothing about the endpoint."""


class Wire:
    """
    The socket as http.client sees it. `settimeout` bounds all that follows, not each operation, and never puts off the
    end that was set before: only `restart`, for the next request on the connection, begins anew.
    """

    def __init__(self, sock: ssl.SSLSocket, seconds: float) -> None:
        self._sock = sock
        self.restart()
        self.settimeout(seconds)

    def restart(self) -> None:
        self._deadline = inf
        self.received = 0
        self.in_head = False

    def settimeout(self, seconds: float) -> None:
        self._deadline = min(self._deadline, monotonic() + seconds)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(self._left())
            view = view[self._sock.send(view) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        """One response, its head first. Counts from zero what is received of it."""
        self.received = 0
        self.in_head = True
        return io.BufferedReader(_Reader(self, self._sock.makefile("rb", buffering=0)))

    def readinto(self, raw: socket.SocketIO, buffer: Any) -> int | None:
        self._sock.settimeout(self._left())
        count = raw.readinto(buffer)
        if count == 0 and self.in_head:
            raise ConnectionResetError  # http.client would take the end of the data for the end of the headers
        self.received += count or 0
        if self.received > MAX_RESPONSE_BYTES:
            raise AttemptFailed(f"answered with more than {MAX_RESPONSE_BYTES // 1024} KiB of headers")
        return count

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire, raw: socket.SocketIO) -> None:
        self._wire = wire
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._wire.readinto(self._raw, buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _FinalResponse(HTTPResponse):
    """Passes over the interim answers, such as 103, that RFC 9110 tells a client to expect; http.client knows 100 only."""

    def begin(self) -> None:
        super().begin()
        while self.status in range(102, 200):
            self.headers = None  # type: ignore[assignment]  # else there is nothing to begin
            super().begin()


class VettedConnection(HTTPSConnection):
    """Connects to an address that was judged, never to a name: what DNS answers a moment later does not matter."""

    response_class = _FinalResponse
    wire: Wire
    _answers = 0
    _step = ""
    _used = 0.0

    def connect(self) -> None:
        ends = monotonic() + float(self.timeout or 0)
        self._answers = 0
        self._step = "looking up the name"
        with self._explained():
            super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        self.wire = Wire(self.sock, ends - monotonic())
        self.sock = self.wire  # it does all that http.client asks of a socket

    def _new_conn(self) -> socket.socket:
        ends = monotonic() + float(self.timeout or 0)
        addresses = resolve(self.host, self.port or 443, seconds=ends - monotonic())
        vet(addresses, allow_loopback=local_stage())
        self._step = "connecting"
        sock = _connect(addresses, self.port or 443, ends)
        self._step = "in the TLS handshake"
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self._answers:
            self.wire.restart()
        self._step = "sending the request"
        # At a broken pipe, urllib3 reads the answer that came before the request was read.
        with self._explained(but=BrokenPipeError):
            super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        self._step = _WAITING
        with self._explained():
            response = super().getresponse()
        self.wire.in_head = False
        self._answers += 1
        self._used = time()
        return response

    @property
    def is_connected(self) -> bool:
        # Not monotonic(), which may stand still with the frozen function.
        return super().is_connected and time() - self._used < IDLE_SECONDS

    @contextmanager
    def _explained(self, but: tuple[type[OSError], ...] | type[OSError] = ()) -> Iterator[None]:
        try:
            yield
        except but:
            raise
        except (OSError, HTTPException, HTTPError) as error:
            if self._answers and not self.wire.received and not isinstance(error, TimeoutError):
                raise ReusedConnectionLost from error
            step = "reading its headers" if self._step == _WAITING and self.wire.received else self._step
            raise AttemptFailed(explain(error, step)) from error


class VettedPool(HTTPSConnectionPool):
    ConnectionCls = VettedConnection


def read_body(response: BaseHTTPResponse, *, keep: int, seconds: float) -> bytes:
    """
    The first `keep` bytes of the body, as sent. Reads on, up to the limit and for `seconds`, so that the connection can
    be used again; what does not end by then is abandoned, and says nothing about the verdict.
    """
    kept = b""
    read = 0
    connection = response.connection
    assert isinstance(connection, VettedConnection)
    connection.wire.settimeout(seconds)
    connection.wire.received = 0
    try:
        while chunk := response.read1(MAX_RESPONSE_BYTES - read, decode_content=False):
            kept += chunk[: keep - len(kept)]
            read += len(chunk)
    except (OSError, HTTPException, HTTPError, AttemptFailed, ValueError):
        response.close()
        return kept
    if response.closed or read < MAX_RESPONSE_BYTES:
        response.release_conn()
    else:
        response.close()
    return kept


def local_stage() -> bool:
    return os.environ.get("LOCAL_ALLOW_LOOPBACK") == "1"


def tls_context() -> ssl.SSLContext:
    """certifi's authorities and nothing from the environment; in the local stage its own authority too. Made once."""
    return _tls_context(os.environ["LOCAL_CA_FILE"] if local_stage() else None)


@cache
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _connect(addresses: list[str], port: int, ends: float) -> socket.socket:
    """To the first address that answers; each gets an equal share of the time left."""
    error: OSError = TimeoutError()
    for index, address in enumerate(addresses):
        share = (ends - monotonic()) / (len(addresses) - index)
        if share <= 0:
            raise TimeoutError
        try:
            sock = socket.create_connection((address, port), timeout=share)
        except OSError as failed:
            error = failed
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(max(ends - monotonic(), 0.001))
        return sock
    raise error
