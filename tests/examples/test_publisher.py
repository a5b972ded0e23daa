"""The example publisher skips only what it knows that nobody wants."""

from __future__ import annotations

from typing import Any

from examples.publisher import Subscribers


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def unreachable(account_id: str) -> dict[str, Any]:
    raise TimeoutError(account_id)


def change(version: int, *events: str) -> dict[str, Any]:
    return {"account_id": "acme", "version": version, "events": list(events)}


def test_what_is_unknown_is_wanted() -> None:
    assert Subscribers(unreachable).wants("acme", "message.read")


def test_an_unknown_account_is_read_once() -> None:
    read: list[str] = []

    def reading(account_id: str) -> dict[str, Any]:
        read.append(account_id)
        return change(0)

    subscribers = Subscribers(reading)
    assert not any(subscribers.wants("acme", "message.read") for _ in range(3))
    assert read == ["acme"]


def test_the_highest_version_holds_in_whatever_order_they_come() -> None:
    subscribers = Subscribers(lambda account_id: change(0))
    subscribers.wants("acme", "message.read")
    for version, *events in ((2, "message.read"), (3, "message.sent"), (1,)):
        subscribers.changed(change(int(version), *map(str, events)))
    assert [subscribers.wants("acme", f"message.{name}") for name in ("read", "sent")] == [False, True]


def test_a_late_change_does_not_hide_what_was_missed() -> None:
    """After a restart: version 9 was emitted while nobody listened, and version 5 comes again."""
    subscribers = Subscribers(lambda account_id: change(9, "message.read"))
    subscribers.changed(change(5))
    assert subscribers.wants("acme", "message.read")


def test_a_change_while_the_account_is_read_holds() -> None:
    def reading(account_id: str) -> dict[str, Any]:
        subscribers.changed(change(2, "message.read"))
        return change(1)

    subscribers = Subscribers(reading)
    assert subscribers.wants("acme", "message.read")


def test_what_is_old_is_read_again_and_wanted_if_that_fails() -> None:
    clock = Clock()
    answers = iter([change(1)])
    subscribers = Subscribers(lambda account_id: next(answers), clock=clock)
    assert not subscribers.wants("acme", "message.read")
    clock.at = 3600
    assert not subscribers.wants("acme", "message.read")
    clock.at += 1
    assert subscribers.wants("acme", "message.read")


def test_what_is_read_after_an_hour_holds_even_with_a_lower_version() -> None:
    """The table was restored."""
    clock = Clock()
    answers = iter([change(9), change(3, "message.read")])
    subscribers = Subscribers(lambda account_id: next(answers), clock=clock)
    assert not subscribers.wants("acme", "message.read")
    clock.at = 3601
    assert subscribers.wants("acme", "message.read")
