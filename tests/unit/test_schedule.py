"""When to POST, as tables: the decisions of the design without any clock or cloud."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deliver.schedule import Act, Decision, Schedule
from webhooks.messages import DeliveryMessage
from webhooks.models import Attempt, Delivery, DeliveryStatus, Webhook, WebhookStatus, parse_time, rfc3339

AT = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)
SCHEDULE = Schedule((10, 60, 300))


def message(round: int = 1) -> DeliveryMessage:
    return DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), round, rfc3339(AT), "{}")


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
    ("logged", "hook", "act"),
    [
        (None, webhook(), Act.POST),
        (None, webhook("failing"), Act.POST),
        (None, webhook("disabled"), Act.CANCEL),
        (None, None, Act.CANCEL),
        (delivery("pending", 0), webhook(), Act.POST),
        (delivery("delivered"), webhook(), Act.ACKNOWLEDGE),
        (delivery("failed", 4), webhook(), Act.ACKNOWLEDGE),
        (delivery("cancelled"), None, Act.ACKNOWLEDGE),
        (delivery("pending", round=2), webhook(), Act.ACKNOWLEDGE),
        (delivery(recorded=1, due_in=-1), webhook(), Act.POST),
        (delivery(recorded=1, due_in=0.9), webhook(), Act.POST),
        (delivery(recorded=1, due_in=1.1), webhook(), Act.WAIT),
        (delivery(recorded=1, due_in=1.1), webhook("disabled"), Act.CANCEL),
        (delivery(recorded=3, due_in=0), webhook(), Act.POST),
        (delivery(recorded=4), webhook(), Act.EXHAUSTED),
        (delivery(recorded=5), webhook(), Act.EXHAUSTED),
    ],
)
def test_what_is_to_be_done(logged: Delivery | None, hook: Webhook | None, act: Act) -> None:
    assert SCHEDULE.decide(message(), logged, hook, AT).act is act


def test_a_new_round_is_decided_by_itself() -> None:
    assert SCHEDULE.decide(message(2), delivery("failed", 4), webhook(), AT).act is Act.POST


def test_a_copy_waits_until_the_attempt_that_is_due_before_it_is_over() -> None:
    """Even when it comes at the very time that the next attempt is due."""
    copy, logged = replace(message(), id="copy"), replace(delivery(due_in=50), message_id="own")
    over = AT + timedelta(seconds=50 + 5 + 1)
    for seconds in (0, 49.5, 50, 55.9):
        assert SCHEDULE.decide(copy, logged, webhook(), AT + timedelta(seconds=seconds)) == Decision(Act.WAIT, over)
    assert SCHEDULE.decide(copy, logged, webhook(), over).act is Act.POST


def test_the_message_itself_comes_back_when_it_is_due() -> None:
    own, logged = replace(message(), id="own"), replace(delivery(due_in=50), message_id="own")
    due = AT + timedelta(seconds=50)
    assert SCHEDULE.decide(own, logged, webhook(), AT) == Decision(Act.WAIT, due)
    assert SCHEDULE.decide(own, logged, webhook(), due) == Decision(Act.POST, due)
    assert SCHEDULE.after(own, None, attempt(1)).message_id == "own"


@pytest.mark.parametrize(("number", "delay"), [(1, 10), (2, 60), (3, 300), (4, None)])
def test_the_promised_delays_count_from_the_end_of_the_failed_attempt(number: int, delay: int | None) -> None:
    after = SCHEDULE.after(message(), delivery(recorded=number - 1), attempt(number))
    assert (after.status, len(after.attempts)) == ("retrying", number)
    if delay is None:
        assert after.next_attempt_at is None
    else:
        assert after.next_attempt_at is not None
        late = parse_time(after.next_attempt_at) - (AT + timedelta(milliseconds=20, seconds=delay))
        assert timedelta(0) <= late <= timedelta(milliseconds=1)


def test_a_success_ends_the_round() -> None:
    after = SCHEDULE.after(message(), delivery(due_in=0), attempt(2, error=None))
    assert (after.status, after.next_attempt_at) == ("delivered", None)


def test_the_last_40_attempts_are_kept() -> None:
    attempts = [attempt(1 + n % 4, 1 + n // 4) for n in range(40)]
    before = Delivery("wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), "pending", 11, rfc3339(AT), attempts)
    after = SCHEDULE.after(message(11), before, attempt(1, 11))
    assert (len(after.attempts), after.attempts[0], after.attempts[-1].round) == (40, attempts[1], 11)


@pytest.mark.parametrize(("text", "attempts"), [("10,60,300", 4), ("5", 2), ("1, 2", 3)])
def test_the_schedule_is_read_from_the_environment(text: str, attempts: int) -> None:
    assert Schedule.parse(text).attempts == attempts
