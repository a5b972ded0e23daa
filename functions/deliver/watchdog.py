"""Ends connections from another thread: at their deadline, or sooner when the attempt is ended.

A socket's timeout is looked at only when a read or write would block. OpenSSL consumes handshake and post-handshake
records inside one call, so a peer that keeps sending those is never timed out.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from time import monotonic

_condition = threading.Condition()
_watches: set[Watch] = set()
_thread: threading.Thread | None = None


class AttemptEnded(Exception):
    """The attempt was ended before its deadline: that says nothing about the endpoint."""


class Watch:
    """Shuts the connection of `sock` down at `deadline`, a value of `monotonic()`, unless it is ended before."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        # A descriptor of its own: the number of a closed one may by then belong to another connection.
        self._own = socket.socket(fileno=os.dup(sock.fileno()))
        self.deadline = deadline
        self.thread = threading.get_ident()
        self.ended_early = False
        with _condition:
            _ensure_running()
            _watches.add(self)
            if min(watch.deadline for watch in _watches) == deadline:
                _condition.notify()

    def hasten(self, deadline: float) -> None:
        """Moves the deadline, never further away."""
        with _condition:
            if deadline < self.deadline:
                self.deadline = deadline
                _condition.notify()

    def end(self) -> None:
        with _condition:
            _watches.discard(self)
        self._own.close()

    def shut_down(self) -> None:
        with suppress(OSError):  # closed by the peer, or ended by its own thread
            self._own.shutdown(socket.SHUT_RDWR)


def end_early(thread: int) -> None:
    """Ends the connection that this thread uses, if there is one yet; what it does there raises AttemptEnded."""
    with _condition:
        for watch in _watches:
            if watch.thread == thread:
                watch.ended_early = True
                watch.shut_down()


def _ensure_running() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_run, daemon=True)
        _thread.start()


def _run() -> None:
    while True:
        with _condition:
            _condition.wait(_shut_down_due())


def _shut_down_due() -> float | None:
    """Returns in how many seconds the next one is due, None if there is none."""
    now = monotonic()
    for watch in [watch for watch in _watches if watch.deadline <= now]:
        _watches.discard(watch)
        watch.shut_down()
    return min((watch.deadline - now for watch in _watches), default=None)
