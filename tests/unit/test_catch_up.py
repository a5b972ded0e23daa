"""What a catching up decides: whether another outage is another one, what it sends again, and when it probes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from webhooks.catch_up import CatchUp
from webhooks.deliveries import Delivery
from webhooks.times import parse_time, rfc3339

BEGAN = "2026-05-29T10:00:00.000Z"
WAITING = CatchUp("wh_1", "acme", "waiting", "2026-05-29T09:00:00.000Z", BEGAN, BEGAN, version=3)
DELIVERY = Delivery(
    webhook_id="wh_1", account_id="acme", event_id="evt_1", event="message.incoming", accepted_at=BEGAN,
    status="failed", round=1, round_started_at=BEGAN,
)  # fmt: skip
MILLISECOND = timedelta(milliseconds=1)


def after(time: str, **later: float) -> str:
    return rfc3339(parse_time(time) + timedelta(**later))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_clock(time: str) -> None:
        monkeypatch.setattr("webhooks.catch_up.now", lambda: parse_time(time))

    set_clock(after(BEGAN, minutes=10))
    return set_clock


@pytest.mark.parametrize(
    ("outage", "again", "expected"),
    [
        (BEGAN, False, None),
        (BEGAN, True, None),
        (after(BEGAN, milliseconds=-1), False, None),
        (after(BEGAN, milliseconds=1), False, WAITING),
    ],
)
def test_what_is_under_way_goes_on_and_is_written_anew_for_another_outage(
    at: Any, outage: str, again: bool, expected: CatchUp | None
) -> None:
    begun = replace(WAITING, failing_since=outage, since=after(outage, hours=-2), version=1)
    assert WAITING.followed_by(begun, again=again) == expected


@pytest.mark.parametrize("again", [False, True])
def test_the_same_outage_begins_it_once_unless_somebody_wants_it_again(at: Any, again: bool) -> None:
    stopped = replace(WAITING, pauses=2, sent=5).ended("stopped")
    begun = replace(WAITING, version=1)
    assert stopped.followed_by(begun, again=again) == (WAITING if again else None)


@pytest.mark.parametrize(("milliseconds", "is_another"), [(0, True), (-1, False)])
def test_an_outage_an_hour_after_all_was_sent_is_another(at: Any, milliseconds: int, is_another: bool) -> None:
    done = replace(WAITING, pauses=2, sent=5, total=7).ended("done")
    outage = after(str(done.ended_at), hours=1, milliseconds=milliseconds)
    begun = replace(WAITING, failing_since=outage, since=after(outage, hours=-1), version=1)
    goes_on = replace(begun, since=WAITING.since, pauses=3, sent=5, total=7, version=3)
    assert done.followed_by(begun, again=False) == (replace(begun, version=3) if is_another else goes_on)


def test_what_was_given_up_does_not_go_on_with_the_next_outage(at: Any) -> None:
    given_up = replace(WAITING, pauses=11).ended("given_up")
    begun = replace(WAITING, failing_since=after(BEGAN, minutes=20), version=1)
    assert given_up.followed_by(begun, again=False) == replace(begun, version=3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "waiting"),
        ({"status": "pending"}, None),
        ({"accepted_at": WAITING.since}, "waiting"),
        ({"accepted_at": after(WAITING.since, milliseconds=-1)}, None),
        ({"accepted_at": after(BEGAN, minutes=10)}, "waiting"),
        ({"accepted_at": after(BEGAN, minutes=10, milliseconds=1)}, None),
        ({"round_started_at": after(BEGAN, minutes=10)}, "waiting"),
        ({"round_started_at": after(BEGAN, minutes=10, milliseconds=1)}, None),
    ],
)
def test_what_has_failed_in_the_outage_is_sent_again(at: Any, values: dict[str, Any], said: str | None) -> None:
    """It is ten minutes old: what failed later has failed after it."""
    assert WAITING.sends_again(replace(DELIVERY, **values), hours=24) == said


@pytest.mark.parametrize(("milliseconds", "said"), [(0, "waiting"), (1, "too_old")])
def test_what_is_too_old_is_not_sent_again(at: Any, milliseconds: int, said: str) -> None:
    at(after(BEGAN, hours=2, milliseconds=milliseconds))
    assert WAITING.sends_again(DELIVERY, hours=2) == said


@pytest.mark.parametrize(
    ("state", "said"),
    [("sending", "waiting"), ("done", None), ("given_up", "given_up"), ("stopped", "stopped")],
)
def test_what_is_said_of_a_failed_delivery_follows_from_its_state(at: Any, state: Any, said: str | None) -> None:
    catch_up = replace(WAITING, state=state) if state == "sending" else WAITING.ended(state)
    at(after(BEGAN, days=2))
    assert catch_up.sends_again(DELIVERY, hours=24 if catch_up.is_over() else 72) == said


@pytest.mark.parametrize(
    ("passed", "hours"),
    [
        (timedelta(0), 0.25),
        (timedelta(minutes=15) - MILLISECOND, 0.25),
        (timedelta(minutes=15), 1),
        (timedelta(hours=1), 3),
        (timedelta(hours=3), 9),
        (timedelta(hours=69), 72),
        (timedelta(hours=72), 72),
        (timedelta(hours=80), 72),
    ],
)
def test_the_next_probe_is_one_that_is_still_to_come(at: Any, passed: timedelta, hours: float) -> None:
    at(rfc3339(parse_time(BEGAN) + passed))
    assert WAITING.with_next_probe().due_at == after(BEGAN, hours=hours)
