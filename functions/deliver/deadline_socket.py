"""A TLS socket on which every operation ends by one deadline, and which knows what of the input nobody has read."""

from __future__ import annotations

import io
import socket
import ssl
from time import monotonic
from typing import Any

from deliver.failures import AttemptFailed
from deliver.watchdog import Watch

MAX_RESPONSE_BYTES = 64 * 1024
"""Bytes read of a response's headers at most, and of its body at most."""


class DeadlineSocket:
    """
    The socket as http.client sees it. `settimeout` bounds everything that follows, not each operation, and never moves
    the deadline further away; only `restart`, for the next request on the connection, does.
    """

    unread: bool
    """Whether the last response was followed by bytes that belong to no request."""

    def __init__(self, sock: ssl.SSLSocket, watch: Watch) -> None:
        self._sock = sock
        self.watch = watch
        self.deadline = watch.deadline
        self.received = 0
        """Bytes of the response, its head or its body."""
        self._response: ResponseReader | None = None

    def restart(self, seconds: float) -> Watch:
        """Begins a watch over the next request on the connection. The one over the request before is over."""
        self.received = 0
        self.deadline = monotonic() + seconds
        self.watch = Watch(self._sock, self.deadline)
        return self.watch

    def settimeout(self, seconds: float) -> None:
        self.deadline = min(self.deadline, monotonic() + seconds)
        self.watch.hasten(self.deadline)

    def is_clean(self) -> bool:
        """Whether the next bytes to arrive will be the answer to the next request."""
        return not self.unread and self._sock.pending() == 0

    def sendall(self, data: bytes) -> None:
        """Raises BrokenPipeError when the connection has been closed: TLS has an error of its own before Python 3.13."""
        view = memoryview(data)
        while view:
            self._sock.settimeout(self._left())
            try:
                view = view[self._sock.send(view) :]
            except (ConnectionError, ssl.SSLEOFError) as closed:
                raise BrokenPipeError from closed

    def makefile(self, mode: str) -> ResponseReader:
        self._response = ResponseReader(self, self._sock.makefile("rb", buffering=0))
        return self._response

    def readinto(self, raw: socket.SocketIO, buffer: Any) -> int:
        self._sock.settimeout(self._left())
        count = raw.readinto(buffer)
        if not count:
            raise ConnectionResetError  # http.client would take the end of the data for the end of the headers
        self.received += count
        if self.received > MAX_RESPONSE_BYTES:
            raise AttemptFailed("protocol", f"answered with more than {MAX_RESPONSE_BYTES // 1024} KiB of headers")
        return count

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        """http.client closes the socket of a response that ends the connection before its body is read."""
        if not self._response:
            self.watch.end()
        self._sock.close()

    def abandon(self) -> None:
        """Closes the response, too, if there is one: nobody else has it."""
        if self._response:
            self._response.close()
        self.close()

    def end_response(self, *, unread: bool) -> None:
        self.unread = unread
        self._response = None
        self.watch.end()

    def _left(self) -> float:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class ResponseReader(io.BufferedReader):
    """Buffers one response; on closing it notes whether more was buffered than was read."""

    last_line: bytes

    def __init__(self, sock: DeadlineSocket, raw: socket.SocketIO) -> None:
        self._sock = sock
        self._input = _Input(sock, raw)
        super().__init__(self._input)

    def readline(self, size: int | None = -1, /) -> bytes:
        self.last_line = super().readline(size)
        return self.last_line

    def flush(self) -> None:
        """Does nothing, where http.client's response, which is collected later, would find a closed file."""

    def close(self) -> None:
        if not self.closed:
            self._input.ended = True
            self._sock.end_response(unread=bool(self.peek()))
        super().close()


class _Input(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket, raw: socket.SocketIO) -> None:
        self._sock = sock
        self._raw = raw
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0 if self.ended else self._sock.readinto(self._raw, buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
