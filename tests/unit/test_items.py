"""Attributes as DynamoDB has them: the same as boto3 would write, for all that is stored."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from webhooks import item_keys
from webhooks.attribute_values import from_item, to_item
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus, Outcome
from webhooks.delivery_places import (
    accepted_event,
    is_pending_place,
    log_place,
    log_place_of,
    pending_place,
    waiting_place,
)
from webhooks.items import (
    delivery_item,
    delivery_of,
    event_item,
    event_of,
    inbox_item,
    outcome_of,
    webhook_item,
    webhook_of,
)
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.stored_events import StoredEvent

stored = st.recursive(
    st.text() | st.booleans() | st.integers(-(10**15), 10**15),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.long
@given(values=st.dictionaries(st.text(min_size=1), stored, max_size=4))
def test_it_is_what_boto3_writes_and_comes_back_as_it_was(values: dict[str, Any]) -> None:
    item = to_item(values)
    assert item == {name: TypeSerializer().serialize(value) for name, value in values.items()}
    assert from_item(item) == values == {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def test_none_is_absent() -> None:
    assert to_item({"a": None, "b": "x"}) == {"b": {"S": "x"}}


@pytest.mark.parametrize(
    ("value", "type"), [(1.5, "float"), ({"x"}, "set"), (b"x", "bytes"), ([None], "NoneType"), (object(), "object")]
)
def test_what_is_not_stored_is_refused_and_not_written_as_something_else(value: object, type: str) -> None:
    with pytest.raises(TypeError, match=rf"^{type} is not stored$"):
        to_item({"a": value})


def test_what_a_newer_version_may_write_is_read_past() -> None:
    item = {"a": {"N": "1.5"}, "b": {"SS": ["x"]}, "c": {"B": b"x"}, "d": {"NULL": True}, "e": {"N": "-7"}}
    assert from_item(item) == {"a": "1.5", "b": ["x"], "c": b"x", "d": None, "e": -7}


EVENT = StoredEvent("acme", "evt_1", "message.incoming", '{"event":"message.incoming"}', "2026-05-29T10:30:00.000Z")
LATER = "2026-05-30T10:30:00.000Z"
DELIVERY = Delivery(
    webhook_id="wh_1", account_id="acme", event_id="evt_1", event="message.incoming", accepted_at=EVENT.accepted_at,
    status="retrying", round=1, round_started_at=EVENT.accepted_at, next_attempt_at="2026-05-29T10:30:15.000Z",
    attempts=[Attempt(1, 1, EVENT.accepted_at, 5000, error="no answer within 5 s", error_code="timeout")],
    version=1, message_id="message.retry",
)  # fmt: skip


@pytest.mark.parametrize(
    "delivery",
    [
        DELIVERY,
        replace(DELIVERY, test=True, round=2, round_started_at=LATER),
        replace(DELIVERY, status="delivered", next_attempt_at=None, message_id=None),
        replace(DELIVERY, event_id="a-_Z"),
        replace(
            DELIVERY, round=2, attempts=[*DELIVERY.attempts, Attempt(1, 2, EVENT.accepted_at, 20, status_code=200)]
        ),
        replace(DELIVERY, attempts=[*DELIVERY.attempts, Attempt(2, 1, EVENT.accepted_at, 20, status_code=500)]),
    ],
)
def test_a_delivery_is_read_as_it_was_written(delivery: Delivery) -> None:
    assert delivery_of(delivery_item(delivery, log_days=30)) == delivery


def test_an_event_is_read_as_it_was_written() -> None:
    assert event_of(event_item(EVENT, log_days=30)) == EVENT
    assert event_of(event_item(replace(EVENT, webhooks=2), log_days=30)).webhooks == 2


WEBHOOK = Webhook(
    id="wh_1", account_id="acme", name="hook", url="https://example.com/", events=["message.read"], status="failing",
    secret="whsec_c2VjcmV0", created_at=EVENT.accepted_at, updated_at=EVENT.accepted_at, headers={"X-Api-Key": "k"},
    failing_since=EVENT.accepted_at, catch_up=True,
)  # fmt: skip


def test_a_webhook_is_read_as_it_was_written_and_what_a_newer_version_wrote_is_ignored() -> None:
    item = webhook_item(WEBHOOK)
    assert webhook_of(item | {"newer": {"S": "x"}}) == WEBHOOK
    assert "disabled_at" not in item, "an attribute that is None is absent: writes are conditional on it"
    assert item | item_keys.webhook_key("acme", "wh_1") == item


def test_a_test_address_leads_to_its_webhook() -> None:
    whose = {"account_id": {"S": "acme"}, "webhook_id": {"S": "wh_1"}}
    assert inbox_item(WEBHOOK, "0f") == item_keys.inbox_key("0f") | whose


def test_a_delivery_is_in_an_index_while_recovery_may_have_to_find_it() -> None:
    """`infra.database` names their keys."""
    place = {"due": {"S": "wh_1"}, "due_at": {"S": f"{LATER}#{EVENT.accepted_at}#evt_1"}}
    failed = {"failed_webhook": {"S": "wh_1"}}
    indexes: dict[DeliveryStatus, Any] = {
        "pending": place, "retrying": failed, "failed": failed, "delivered": {}, "cancelled": {},
    }  # fmt: skip
    for status, keys in indexes.items():
        item = delivery_item(replace(DELIVERY, status=status, round=2, round_started_at=LATER), log_days=30)
        assert {name: item[name] for name in ("due", "due_at", "failed_webhook") if name in item} == keys, status


def test_statistics_read_what_became_of_a_delivery_from_three_attributes() -> None:
    answered = Attempt(2, 1, EVENT.accepted_at, 20, status_code=500), Attempt(1, 2, EVENT.accepted_at, 30, 200)
    item = delivery_item(replace(DELIVERY, attempts=[*DELIVERY.attempts, *answered]), log_days=30)
    read = {name: item[name] for name in ("sk", "status", "attempts")}
    assert outcome_of(read) == Outcome(EVENT.accepted_at, "retrying", 3, answered_ms=[20, 30])


def test_an_item_says_nothing_twice() -> None:
    written = "account_id", "event", "status", "round", "attempts", "version", "expires_at"
    delivered = delivery_item(replace(DELIVERY, status="delivered", next_attempt_at=None), log_days=30)
    assert delivered.keys() == {"pk", "sk", *written}
    (attempt,) = delivered["attempts"]["L"]
    assert attempt["M"].keys() == {"at", "duration_ms", "error", "error_code"}
    assert event_item(EVENT, log_days=30).keys() == {"pk", "sk", "event", "body", "accepted_at", "expires_at"}


def test_what_earlier_versions_said_twice_counts() -> None:
    earlier = delivery_item(DELIVERY, log_days=30) | to_item(asdict(replace(DELIVERY, attempts=[])))
    assert delivery_of(earlier) == replace(DELIVERY, attempts=[])
    assert event_of(event_item(EVENT, log_days=30) | to_item(asdict(EVENT))) == EVENT


def test_the_log_forgets_an_event_and_its_deliveries_after_so_many_days() -> None:
    """Seconds since 1970, as DynamoDB wants them."""
    then = str(int(datetime(2026, 6, 28, 10, 30, tzinfo=UTC).timestamp()))
    assert event_item(EVENT, 30)["expires_at"] == delivery_item(DELIVERY, 30)["expires_at"] == {"N": then}


KEYS = {
    "webhook_key": (("acme", "wh_1"), "ACCOUNT#acme", "WEBHOOK#wh_1"),
    "webhook_count_key": (("acme",), "ACCOUNT#acme", "COUNT"),
    "subscriptions_key": (("acme",), "ACCOUNT#acme", "SUBSCRIPTIONS"),
    "deleted_webhook_key": (("acme", "wh_1"), "ACCOUNT#acme", "DELETED#wh_1"),
    "account_api_key_key": (("acme", "key_1"), "ACCOUNT#acme", "KEY#key_1"),
    "api_key_key": (("key_1",), "KEY#key_1", "KEY"),
    "erasure_key": (("acme",), "ERASURE#acme", "ERASURE"),
    "event_key": (("acme", "evt_1"), "EVENT#acme#evt_1", "EVENT"),
    "delivery_key": (("wh_1", "2026#evt_1"), "WEBHOOK#wh_1", "2026#evt_1"),
    "unsettled_key": (("wh_1", "2026#evt_1"), "WEBHOOK#wh_1", "2026#evt_1"),
    "pending_key": (("wh_1", "2027#2026#evt_1"), "WEBHOOK#wh_1", "2026#evt_1"),
    "pace_key": (("wh_1",), "PACE#wh_1", "PACE"),
    "catch_up_key": (("wh_1",), "PACE#wh_1", "CATCH_UP"),
    "waiting_key": (("wh_1", "place"), "PACE#wh_1", "WAITING#place"),
    "inbox_key": (("0f",), "INBOX#0f", "INBOX"),
    "received_key": (("wh_1", 7), "INBOX#wh_1", "REQUEST#07"),
    "rate_limit_key": (("acme", "sends", 9), "LIMIT#acme", "sends#9"),
    "recent_request_key": (("acme", "retry"), "REQUEST#acme", "retry"),
    "notifications_key": (("acme",), "NOTIFY#acme", "ADDRESS"),
    "mailed_key": (("acme", "wh_1"), "NOTIFY#acme", "MAILED#wh_1"),
    "mail_count_key": (("acme", "2026-05-29"), "NOTIFY#acme", "COUNT#2026-05-29"),
}
OF_INDEXES = {
    "unsettled_key": {"failed_webhook": {"S": "wh_1"}},
    "pending_key": {"due": {"S": "wh_1"}, "due_at": {"S": "2027#2026#evt_1"}},
}


def test_a_key_stays_what_it_is_because_stored_items_outlive_a_deployment() -> None:
    assert KEYS.keys() == {name for name in vars(item_keys) if name.endswith("_key")}
    for name, (arguments, pk, sk) in KEYS.items():
        key = vars(item_keys)[name](*arguments)
        assert key == {"pk": {"S": pk}, "sk": {"S": sk}} | OF_INDEXES.get(name, {}), name


def test_what_a_key_is_made_of_is_read_from_it() -> None:
    message = DeliveryMessage.of(replace(DELIVERY, round=2), "", "retry")
    waiting = item_keys.waiting_key("wh_1", waiting_place(message.key()[1], message.round))
    assert item_keys.owner_id(waiting) == "wh_1"
    assert item_keys.is_waiting(waiting["sk"]["S"])
    assert item_keys.waiting_event(waiting["sk"]["S"]) == (DELIVERY.accepted_at, DELIVERY.event_id, 2)
    others = item_keys.pace_key("wh_1"), item_keys.catch_up_key("wh_1"), item_keys.received_key("wh_1", 0)
    assert not any(item_keys.is_waiting(key["sk"]["S"]) for key in others)
    assert item_keys.is_catch_up(item_keys.catch_up_key("wh_1"))
    assert not item_keys.is_catch_up(item_keys.pace_key("wh_1"))
    assert item_keys.deleted_webhook_id(item_keys.deleted_webhook_key("acc-1", "wh_1")) == "wh_1"
    assert item_keys.event_ids(item_keys.event_key("acc-1", "ev_1")) == ("acc-1", "ev_1")


def test_a_place_stays_what_it_is_and_what_it_is_made_of_is_read_from_it() -> None:
    place = log_place(DELIVERY.accepted_at, DELIVERY.event_id)
    pending = pending_place(LATER, place)
    assert (place, pending) == (f"{DELIVERY.accepted_at}#evt_1", f"{LATER}#{DELIVERY.accepted_at}#evt_1")
    assert waiting_place(place, 2) == f"{DELIVERY.accepted_at}#evt_1#2"
    assert accepted_event(place) == (DELIVERY.accepted_at, DELIVERY.event_id)
    assert log_place_of(pending) == place
    assert (is_pending_place(place), is_pending_place(pending)) == (False, True)
