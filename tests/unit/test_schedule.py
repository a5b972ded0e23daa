"""When to POST, as tables: the decisions of the design without any clock or cloud."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deliver.schedule import Acknowledge, Cancel, DeadLetter, Decision, Move, Post, Schedule, Wait
from deliver.snapshots import Snapshot
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.messages import DeliveryMessage
from webhooks.models import Lane, Webhook, WebhookStatus
from webhooks.times import parse_time, rfc3339

AT = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)
SCHEDULE = Schedule((10, 60, 300))


def message(round: int = 1, lane: Lane = "retry") -> DeliveryMessage:
    at = rfc3339(AT)
    return DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", at, round, at, "{}", queue=lane)


def webhook(status: WebhookStatus = "active") -> Webhook:
    return Webhook("wh_1", "acme", "n", "https://example.com/", [], status, "s", rfc3339(AT), rfc3339(AT))


def attempt(number: int, round: int = 1, error: str | None = "no") -> Attempt:
    return Attempt(number, round, rfc3339(AT), 20, error=error)


def delivery(
    status: DeliveryStatus = "retrying", recorded: int = 1, round: int = 1, due_in: float | None = None
) -> Delivery:
    due = None if due_in is None else rfc3339(AT + timedelta(seconds=due_in))
    attempts = [attempt(number, round) for number in range(1, recorded + 1)]
    return Delivery("wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), status, round, rfc3339(AT), attempts, due)


@pytest.mark.parametrize(
    ("logged", "hook", "action"),
    [
        (None, webhook(), Post),
        (None, webhook("failing"), Post),
        (None, webhook("disabled"), Cancel),
        (None, None, Cancel),
        (delivery("pending", 0), webhook(), Post),
        (delivery("delivered"), webhook(), Acknowledge),
        (delivery("failed", 4), webhook(), Acknowledge),
        (delivery("cancelled"), None, Acknowledge),
        (delivery("pending", round=2), webhook(), Acknowledge),
        (delivery(recorded=1, due_in=-1), webhook(), Post),
        (delivery(recorded=1, due_in=0.9), webhook(), Post),
        (delivery(recorded=1, due_in=1), webhook(), Post),
        (delivery(recorded=1, due_in=1.1), webhook(), Wait),
        (delivery(recorded=1, due_in=1.1), webhook("disabled"), Cancel),
        (delivery(recorded=3, due_in=0), webhook(), Post),
        (delivery(recorded=4), webhook(), DeadLetter),
        (delivery(recorded=5), webhook(), DeadLetter),
    ],
)
def test_what_is_to_be_done(logged: Delivery | None, hook: Webhook | None, action: type[Decision]) -> None:
    assert isinstance(SCHEDULE.decide(Snapshot.of(message(), hook, logged), AT), action)


@pytest.mark.parametrize(
    ("logged", "hook", "action"),
    [
        (None, webhook(), Post),
        (delivery("pending", 0), webhook(), Post),
        (None, replace(webhook(), slow_since=rfc3339(AT)), Move),
        (delivery(recorded=1, due_in=-1), webhook(), Move),
        (delivery(recorded=1, due_in=50), webhook(), Move),
        (delivery("delivered"), webhook(), Acknowledge),
        (None, webhook("disabled"), Cancel),
        (delivery(recorded=1, due_in=50), None, Cancel),
        (delivery(recorded=4), webhook(), DeadLetter),
    ],
)
def test_the_delivery_queue_is_for_first_attempts_of_prompt_webhooks(
    logged: Delivery | None, hook: Webhook | None, action: type[Decision]
) -> None:
    assert isinstance(SCHEDULE.decide(Snapshot.of(message(lane="delivery"), hook, logged), AT), action)


def test_a_retry_takes_the_time_when_it_is_due_to_the_retry_queue() -> None:
    snapshot = Snapshot.of(message(lane="delivery"), webhook(), delivery(due_in=50))
    assert SCHEDULE.decide(snapshot, AT) == Move(AT + timedelta(seconds=50))


def test_a_message_waits_for_the_time_it_carries() -> None:
    later = AT + timedelta(minutes=15)
    waiting = replace(message(), not_before=rfc3339(later))
    assert SCHEDULE.decide(Snapshot.of(waiting, webhook(), None), AT) == Wait(later)
    assert isinstance(SCHEDULE.decide(Snapshot.of(waiting, webhook(), None), later), Post)


@pytest.mark.parametrize("own", [True, False])
def test_a_message_that_waits_for_long_is_sent_anew_with_a_delay(own: bool) -> None:
    """Hidden, it would be in flight."""
    logged = replace(delivery(due_in=901 if own else 891), message_id="own")
    waiting = Snapshot.of(replace(message(), id="own" if own else "copy"), webhook(), logged)
    assert SCHEDULE.decide(waiting, AT) == Move(AT + timedelta(seconds=901))
    assert SCHEDULE.decide(waiting, AT + timedelta(seconds=1)) == Wait(AT + timedelta(seconds=901))


def test_a_new_round_is_decided_by_itself() -> None:
    assert isinstance(SCHEDULE.decide(Snapshot.of(message(2), webhook(), delivery("failed", 4)), AT), Post)


def test_a_copy_waits_until_the_attempt_that_is_due_before_it_is_over() -> None:
    """Even when it comes at the very time that the next attempt is due."""
    copy, logged = replace(message(), id="copy"), replace(delivery(due_in=50), message_id="own")
    over = AT + timedelta(seconds=50 + 10)
    for seconds in (0, 49.5, 50, 59.9):
        assert SCHEDULE.decide(Snapshot.of(copy, webhook(), logged), AT + timedelta(seconds=seconds)) == Wait(over)
    assert isinstance(SCHEDULE.decide(Snapshot.of(copy, webhook(), logged), over), Post)


def test_the_message_itself_comes_back_when_it_is_due() -> None:
    own, logged = replace(message(), id="own"), replace(delivery(due_in=50), message_id="own")
    due = AT + timedelta(seconds=50)
    assert SCHEDULE.decide(Snapshot.of(own, webhook(), logged), AT) == Wait(due)
    assert SCHEDULE.decide(Snapshot.of(own, webhook(), logged), due) == Post(webhook(), due)
    assert SCHEDULE.after(Snapshot.of(own, webhook(), None), attempt(1)).message_id == "own"


@pytest.mark.parametrize(("number", "delay"), [(1, 10), (2, 60), (3, 300), (4, None)])
def test_the_promised_delays_count_from_the_end_of_the_failed_attempt(number: int, delay: int | None) -> None:
    before = delivery("pending" if number == 1 else "retrying", recorded=number - 1)
    after = SCHEDULE.after(Snapshot.of(message(), webhook(), before), attempt(number))
    assert (after.status, after.attempts) == ("retrying", [*before.attempts, attempt(number)])
    if delay is None:
        assert after.next_attempt_at is None
    else:
        assert after.next_attempt_at is not None
        late = parse_time(after.next_attempt_at) - (AT + timedelta(milliseconds=20, seconds=delay))
        assert timedelta(0) <= late <= timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("number", "asked", "wait"), [(1, 5, 10), (1, 10, 10), (1, 11, 11), (1, 900, 900), (2, 59, 60), (3, 301, 301)]
)
def test_an_endpoint_may_ask_for_a_longer_wait_not_for_a_shorter_one(number: int, asked: int, wait: int) -> None:
    busy = replace(attempt(number), retry_after=asked)
    after = SCHEDULE.after(Snapshot.of(message(), webhook(), delivery(recorded=number - 1)), busy)
    assert after.next_attempt_at is not None
    late = parse_time(after.next_attempt_at) - (AT + timedelta(milliseconds=20, seconds=wait))
    assert timedelta(0) <= late <= timedelta(milliseconds=1)


def test_no_attempt_is_added_because_an_endpoint_asks_to_wait() -> None:
    busy = replace(attempt(4), retry_after=900)
    after = SCHEDULE.after(Snapshot.of(message(), webhook(), delivery(recorded=3)), busy)
    assert (after.next_attempt_at, len(after.attempts)) == (None, 4)


@pytest.mark.parametrize(
    ("lane", "number", "asked", "moves"),
    [
        ("delivery", 1, None, True),
        ("retry", 1, None, False),
        ("retry", 2, 60, False),
        ("retry", 2, 61, True),
        ("retry", 4, 900, False),
    ],
)
def test_a_longer_wait_is_a_new_message(lane: Lane, number: int, asked: int | None, moves: bool) -> None:
    """It is delayed, so that it is not in flight; the log expects it, and takes this one for a copy from then on."""
    received = replace(message(lane=lane), id="m")
    snapshot = Snapshot.of(received, webhook(), delivery(recorded=number - 1))
    after = SCHEDULE.after(snapshot, replace(attempt(number), retry_after=asked))
    assert after.message_id == ("m.retry" if moves else "m")
    assert Snapshot.of(received, webhook(), after).is_copy() is moves


def test_a_success_ends_the_round() -> None:
    after = SCHEDULE.after(Snapshot.of(message(), webhook(), delivery(due_in=0)), attempt(2, error=None))
    assert (after.status, after.next_attempt_at) == ("delivered", None)
    assert after.attempts == [attempt(1), attempt(2, error=None)]


def test_the_last_40_attempts_are_kept() -> None:
    attempts = [attempt(1 + n % 4, 1 + n // 4) for n in range(40)]
    before = Delivery("wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), "pending", 11, rfc3339(AT), attempts)
    after = SCHEDULE.after(Snapshot.of(message(11), webhook(), before), attempt(1, 11))
    assert (len(after.attempts), after.attempts[0], after.attempts[-1].round) == (40, attempts[1], 11)


@pytest.mark.parametrize(("text", "attempts"), [("10,60,300", 4), ("5", 2), ("1, 2", 3)])
def test_the_schedule_is_read_from_the_environment(text: str, attempts: int) -> None:
    assert Schedule.parse(text).attempts == attempts
