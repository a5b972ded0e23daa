"""A connection ends at its deadline, whatever its own thread waits for, and no other connection with it."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic

import pytest

from deliver import watchdog
from deliver.watchdog import Watch, end_early
from tests.integration.pace import pace

SOON, LATE = 0.03, 60.0


class Connection:
    """Both ends of one. Each wait for it ends in time, as a failure."""

    def __init__(self, ending: ExitStack) -> None:
        self._ending = ending
        self.watched, self.peer = socket.socketpair()
        for end in (self.watched, self.peer):
            ending.enter_context(end)
            end.settimeout(5)

    def watch(self, seconds: float) -> Watch:
        watch = Watch(self.watched, monotonic() + seconds)
        self._ending.callback(watch.end)
        return watch

    def works(self) -> bool:
        self.watched.sendall(b"x")
        return self.peer.recv(1) == b"x"

    def await_end(self) -> float:
        """When it came."""
        assert self.watched.recv(1) == self.peer.recv(1) == b""
        return monotonic()


@pytest.fixture
def three() -> Iterator[list[Connection]]:
    with ExitStack() as ending:
        yield [Connection(ending) for _ in range(3)]
    assert watchdog._watches == set()


def test_a_connection_ends_at_its_deadline(three: list[Connection]) -> None:
    for each in three:  # for the first one, the watchdog's thread may be new
        with pace() as measured:
            started = monotonic()
            each.watch(SOON)
            assert each.works()
            took = each.await_end() - started
        assert SOON <= took < measured.bound(0.5)
        assert watchdog._watches == set()


def test_it_ends_while_others_have_time(three: list[Connection]) -> None:
    before, soon, after = three
    has_time = {before.watch(LATE)}
    soon.watch(SOON)
    has_time.add(after.watch(LATE))
    soon.await_end()
    assert before.works()
    assert after.works()
    assert watchdog._watches == has_time


def test_a_watch_that_is_over_ends_nothing(three: list[Connection]) -> None:
    over, other, _ = three
    over.watch(SOON).end()
    assert watchdog._watches == set()
    other.watch(2 * SOON)
    other.await_end()
    assert over.works()


def test_a_deadline_is_hastened_and_never_put_off(three: list[Connection]) -> None:
    for each, first, then in zip(three, (LATE, SOON, SOON), (SOON, LATE, SOON), strict=True):
        with pace() as measured:
            started = monotonic()
            each.watch(first).hasten(started + then)
            assert SOON <= each.await_end() - started < measured.bound(0.5)


def test_what_is_not_even_connected_holds_up_nobody(three: list[Connection]) -> None:
    """The operating system refuses to shut it down."""
    with socket.socket() as unconnected:
        watch = Watch(unconnected, monotonic() + SOON)
        three[0].watch(2 * SOON)
        three[0].await_end()
        watch.end()


def test_the_number_of_a_closed_socket_may_be_anothers(three: list[Connection]) -> None:
    first, second, _ = three
    number = first.watched.fileno()
    first.watch(SOON)
    first.watched.close()
    with second.watched.dup() as reused:
        assert reused.fileno() == number
        assert first.peer.recv(1) == b"", "it ended at its deadline"
        assert second.works()


def test_only_what_the_thread_uses_ends_early(three: list[Connection]) -> None:
    mine, others, _ = three
    watch = mine.watch(LATE)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(others.watch, LATE).result()
    assert not watch.ended_early
    end_early(threading.get_ident())
    mine.await_end()
    assert watch.ended_early
    assert others.works()
    assert not other.ended_early


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watchdog_that_died_is_replaced(three: list[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    three[0].watch(LATE).end()
    dying = watchdog._thread
    assert dying is not None
    assert dying.daemon, "it would keep the process from ending"
    with monkeypatch.context() as patched:
        patched.setattr(watchdog, "monotonic", sys.exit)
        three[1].watch(0)
        dying.join(5)
    assert not dying.is_alive()
    three[2].watch(SOON)
    three[2].await_end()
