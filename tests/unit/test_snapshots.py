"""Which message makes the next attempt of a delivery, and that no copy of it takes its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deliver.snapshots import Snapshot
from webhooks.deliveries import Delivery
from webhooks.messages import DeliveryMessage
from webhooks.times import rfc3339

AT = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)
MESSAGE = DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), 1, rfc3339(AT), "{}", queue="retry")
LOGGED = Delivery(
    "wh_1", "acme", "evt_1", "message.incoming", rfc3339(AT), "retrying", 1, rfc3339(AT), message_id="own"
)
OWN, COPY = (Snapshot.of(replace(MESSAGE, id=id), None, LOGGED) for id in ("own", "copy"))


def test_another_message_than_the_one_that_the_log_expects_is_a_copy() -> None:
    assert (OWN.is_copy(), COPY.is_copy()) == (False, True)
    unexpected = Snapshot.of(replace(MESSAGE, id="any"), None, replace(LOGGED, message_id=None))
    assert not unexpected.is_copy()


def test_a_message_that_is_passed_on_makes_the_next_attempt_and_a_copy_stays_one() -> None:
    due = AT + timedelta(seconds=60)
    for snapshot in (OWN, COPY):
        for passed_on in (snapshot.passed_on(due), snapshot.dead_letter()):
            received = Snapshot.of(replace(passed_on, id="new"), None, LOGGED)
            assert received.is_copy() is snapshot.is_copy()
        assert snapshot.passed_on(due).not_before == rfc3339(due)


def test_a_delivery_that_the_log_does_not_know_is_the_messages() -> None:
    test = replace(MESSAGE, round=2, round_started_at=rfc3339(AT + timedelta(hours=1)), test=True)
    assert Snapshot.of(test, None, None).delivery == Delivery(
        webhook_id="wh_1",
        account_id="acme",
        event_id="evt_1",
        event="message.incoming",
        accepted_at=rfc3339(AT),
        status="pending",
        round=2,
        round_started_at=rfc3339(AT + timedelta(hours=1)),
        test=True,
    )


def test_a_message_of_an_earlier_round_has_nothing_left_to_do() -> None:
    later = replace(LOGGED, round=2, message_id=None)
    assert Snapshot.of(MESSAGE, None, later).is_settled()
    assert not Snapshot.of(replace(MESSAGE, round=2), None, later).is_settled()
    begun = Snapshot.of(replace(MESSAGE, round=3, round_started_at=rfc3339(AT + timedelta(hours=2))), None, later)
    assert (begun.is_settled(), begun.delivery.round, begun.delivery.status) == (False, 3, "pending")
    assert begun.delivery.round_started_at == rfc3339(AT + timedelta(hours=2))
