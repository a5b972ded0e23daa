"""A TLS connection to a vetted address. Everything on it, down to each read, ends by one deadline.

`requests` and urllib3 apply a timeout to each socket operation; here the timeout they set is the time left for everything
that follows. Failures are raised as `AttemptFailed`; `AttemptEnded` is not one.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from time import monotonic, time
from typing import Any

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from deliver.deadline_socket import DeadlineSocket
from deliver.failures import SENDING, WAITING, explain, timed_out
from deliver.final_response import FinalResponse
from deliver.tls import local_stage
from deliver.watchdog import AttemptEnded, Watch
from webhooks.addresses import resolve, vet

IDLE_SECONDS = 30.0
"""A connection unused for longer is not used again: it may have died while the function was frozen."""

# urllib3 warns of odd answers with the customer's URL; the delivery log has what is odd.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class ReusedConnectionLost(Exception):
    """A kept-alive connection ended before a byte of the answer: that says nothing about the endpoint."""


class VettedConnection(HTTPSConnection):
    """Connects to an address that was vetted, never to a name: what DNS answers a moment later does not matter."""

    response_class = FinalResponse
    deadline_socket: DeadlineSocket
    _watch: Watch | None = None
    _deadline = 0.0
    _answered = False
    _step = ""
    _used = 0.0

    def connect(self) -> None:
        self._deadline = monotonic() + float(self.timeout or 0)
        self._answered = False
        self._watch = None
        self._step = "looking up the name"
        try:
            with self._explained():
                super().connect()
        except BaseException:
            if self._watch:
                self._watch.end()
            raise
        assert isinstance(self.sock, ssl.SSLSocket)  # by urllib3, around what `_new_conn` returned
        assert self._watch is not None
        self.deadline_socket = DeadlineSocket(self.sock, self._watch)
        self.sock = self.deadline_socket  # it does everything that http.client asks of a socket

    def _new_conn(self) -> socket.socket:
        addresses = resolve(self.host, self.port, seconds=self._deadline - monotonic())
        vetted = vet(addresses, allow_loopback=local_stage())
        self._step = "connecting"
        sock = self._connect(vetted)
        self._step = "in the TLS handshake"
        return sock

    def _connect(self, addresses: list[str]) -> socket.socket:
        """Connects to the first address that answers; each gets an equal share of the time left."""
        error: OSError = TimeoutError()
        for index, address in enumerate(addresses):
            share = self._left() / (len(addresses) - index)
            sock = socket.socket(socket.AF_INET)
            try:
                self._watch_over(sock)
                sock.settimeout(share)
                sock.connect((address, self.port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(self._left())
            except OSError as failed:
                sock.close()
                if self._watch and self._watch.ended_early:
                    raise
                error = failed
            else:
                return sock
        raise error

    def _watch_over(self, sock: socket.socket) -> None:
        if self._watch:
            self._watch.end()
        self._watch = Watch(sock, self._deadline)

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._step = SENDING
        # After BrokenPipeError, urllib3 reads the answer that came before the request was read.
        with self._explained(but=BrokenPipeError):
            if self._answered:
                seconds = float(self.timeout or 0)
                self._deadline = monotonic() + seconds
                self._watch = self.deadline_socket.restart(seconds)
            super().request(*args, **kwargs)
        self._step = WAITING

    def getresponse(self) -> Any:
        try:
            with self._explained():
                response = super().getresponse()
            # The server had given up waiting for a request (RFC 9110, section 15.5.9).
            if self._answered and response.status == 408:
                raise ReusedConnectionLost
        except BaseException:
            self.deadline_socket.abandon()  # urllib3 forgets a response whose headers it refuses
            raise
        self._answered = True
        self._used = time()
        return response

    @property
    def is_connected(self) -> bool:
        # Not monotonic(), which may stand still with the frozen function.
        return super().is_connected and self.deadline_socket.is_clean() and time() - self._used < IDLE_SECONDS

    @contextmanager
    def _explained(self, but: type[OSError] | None = None) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException, HTTPError) as error:
            if self._watch and self._watch.ended_early:
                raise AttemptEnded from error
            late = monotonic() >= self._deadline
            if not late and but and isinstance(error, but):
                raise
            if (
                self._answered
                and not self.deadline_socket.received
                and not late
                and not isinstance(error, TimeoutError)
            ):
                raise ReusedConnectionLost from error
            reading = self._step in (SENDING, WAITING) and self.deadline_socket.received
            step = "reading its headers" if reading else self._step
            # What the watchdog ends, ends in whichever error the interrupted call raises.
            raise (timed_out(step) if late else explain(error, step)) from error


class VettedPool(HTTPSConnectionPool):
    ConnectionCls = VettedConnection
