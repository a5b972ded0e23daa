"""The catalogue, and the body that is built from an event."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from pydantic import ValidationError

from webhooks.errors import EventRejected, EventTooLarge
from webhooks.event_models import data_schema
from webhooks.event_types import EVENT_TYPES, validate_data
from webhooks.payload import MAX_BODY_BYTES, build_body, check_id, normalise_timestamp
from webhooks.stored_events import StoredEvent

NEEDED = {
    "message.incoming": {"message_id", "whatsapp_account_id"},
    "message.sent": {"message_id", "whatsapp_account_id"},
    "message.delivered": {"message_id", "whatsapp_account_id"},
    "message.read": {"message_id", "whatsapp_account_id"},
    "message.failed": {"message_id", "whatsapp_account_id"},
    "contact.created": {"contact_id"},
    "contact.updated": {"contact_id"},
    "campaign.completed": {"campaign_id"},
    "transfer.created": {"transfer_id"},
}
BAD = ("", "x" * 257, "🙂" * 257, None, 5, True, ["x"], {"x": "x"}, b"x")
PROMISED = {
    "message_id": "wamid.xxx",
    "from": "+919876543210",
    "contact_name": "John Doe",
    "type": "text",
    "text": "Hello, I need help with my order",
    "whatsapp_account_id": "uuid",
}
TIME = "2026-05-29T10:30:00Z"


def test_the_nine_and_no_other() -> None:
    assert set(EVENT_TYPES) == set(NEEDED)
    assert all(len(event_type.description.split()) > 3 for event_type in EVENT_TYPES.values())


def test_the_promised_example() -> None:
    assert EVENT_TYPES["message.incoming"].example == PROMISED


@pytest.mark.parametrize(("event", "needed"), NEEDED.items())
def test_what_a_receiver_needs_to_deduplicate_is_required_and_nothing_else(event: str, needed: set[str]) -> None:
    example = dict(EVENT_TYPES[event].example)
    validate_data(event, example)
    validate_data(event, dict.fromkeys(needed, "x"))
    for name in needed:
        for bad in ({}, {name: ""}, {name: None}, {name: 5}, {name: "x" * 257}, {name: ["x"]}):
            data: dict[str, Any] = {other: value for other, value in example.items() if other != name} | bad
            with pytest.raises(EventRejected) as refused:
                validate_data(event, data)
            assert refused.value.field == f"data.{name}"


@pytest.mark.parametrize("event", NEEDED)
def test_the_specification_describes_what_is_checked(event: str) -> None:
    """Two implementations: pydantic's schema is published, the check itself is plain. They refuse the same fields."""
    example = dict(EVENT_TYPES[event].example)
    for name in NEEDED[event]:
        for data in ({n: v for n, v in example.items() if n != name}, *({**example, name: bad} for bad in BAD)):
            with pytest.raises(ValidationError) as invalid:
                EVENT_TYPES[event].model.model_validate(data)
            (wrong,) = invalid.value.errors()
            with pytest.raises(EventRejected) as refused:
                validate_data(event, data)
            assert refused.value.field == f"data.{wrong['loc'][0]}"
            says = "is required" if wrong["type"] == "missing" else "must be a string of 1 to 256 characters"
            assert refused.value.detail == says
        for good in ("x", "x" * 256, "🙂" * 256):
            EVENT_TYPES[event].model.model_validate({**example, name: good})
            validate_data(event, {**example, name: good})


@pytest.mark.parametrize("event", NEEDED)
def test_the_schema_lists_every_field_of_the_example(event: str) -> None:
    schema = data_schema(EVENT_TYPES[event])
    assert set(schema["properties"]) == set(EVENT_TYPES[event].example)
    assert set(schema["required"]) == NEEDED[event]
    assert all(each.get("description") for name, each in schema["properties"].items() if name not in NEEDED[event])
    Draft202012Validator(schema).validate({**EVENT_TYPES[event].example, "of a later version": 1})


@pytest.mark.parametrize(("event", "data", "field"), [
    ("message.deleted", {}, "event"), ("message.read", None, "data"), ("message.read", [], "data"),
])  # fmt: skip
def test_what_is_no_event_at_all(event: str, data: object, field: str) -> None:
    with pytest.raises(EventRejected) as refused:
        validate_data(event, data)
    assert refused.value.field == field


def test_an_unknown_event_is_told_the_nine() -> None:
    with pytest.raises(EventRejected) as refused:
        validate_data("message.deleted", {})
    assert all(name in refused.value.detail for name in NEEDED)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


# The first draw on a new machine builds Hypothesis's Unicode tables, which takes longer than its health check bears.
@pytest.mark.long
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(extra=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), json_values))
def test_validation_changes_nothing_and_the_body_says_the_same(extra: dict[str, Any]) -> None:
    data = extra | PROMISED
    before = copy.deepcopy(data)
    validate_data("message.incoming", data)
    body = build_body("message.incoming", TIME, data)
    assert data == before
    assert json.loads(body) == {"event": "message.incoming", "timestamp": TIME, "data": before}
    assert list(json.loads(body)) == ["event", "timestamp", "data"]
    assert body.isascii()


def test_the_body_is_compact_and_escaped() -> None:
    data = {"b": 1, "a": "naïve 🙂"}
    expected = r'{"event":"x","timestamp":"T","data":{"b":1,"a":"na\u00efve \ud83d\ude42"}}'
    assert build_body("x", "T", data) == expected


def test_64_kib_is_the_most() -> None:
    room = MAX_BODY_BYTES - len(build_body("x", "T", {"t": ""}))
    assert len(build_body("x", "T", {"t": "a" * room})) == 65_536
    with pytest.raises(EventTooLarge):
        build_body("x", "T", {"t": "a" * (room + 1)})
    with pytest.raises(EventTooLarge):  # é is six bytes when escaped
        build_body("x", "T", {"t": "é" * (room // 6 + 1)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], "\ud83d", {"\udc00": 1}])
def test_what_json_cannot_carry(value: object) -> None:
    with pytest.raises(EventRejected):
        build_body("x", "T", {"t": value})


@pytest.mark.parametrize(("given", "normal"), [
    ("2026-05-29T10:30:00Z", "2026-05-29T10:30:00Z"),
    ("2026-05-29t10:30:00z", "2026-05-29T10:30:00Z"),
    ("2026-05-29T10:30:00.999Z", "2026-05-29T10:30:00Z"),
    ("2026-05-29T10:30:00.123456789Z", "2026-05-29T10:30:00Z"),
    ("2026-05-29T16:00:00+05:30", "2026-05-29T10:30:00Z"),
    ("2026-05-28T23:30:00-11:00", "2026-05-29T10:30:00Z"),
    ("2026-05-29T10:30:00-00:00", "2026-05-29T10:30:00Z"),
    ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
])  # fmt: skip
def test_a_time_becomes_utc_in_whole_seconds(given: str, normal: str) -> None:
    assert normalise_timestamp(given) == normal


@pytest.mark.parametrize("given", [
    None, 5, "", "now", "2026-05-29", "2026-05-29T10:30:00", "2026-05-29 10:30:00Z", "2026-05-29T10:30Z",
    "20260529T103000Z", "2026-W22-5T10:30:00Z", "2026-05-29T10:30:00,5Z", "2026-05-29T10:30:00+02",
    "2026-02-30T10:30:00Z", "2026-05-29T24:00:01Z", "2026-05-29T10:30:00Z\n", "٢٠٢٦-05-29T10:30:00Z",
    "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
])  # fmt: skip
def test_what_is_no_rfc_3339_time(given: object) -> None:
    with pytest.raises(EventRejected) as refused:
        normalise_timestamp(given)
    assert refused.value.field == "timestamp"


@pytest.mark.parametrize("good", ["a", "A-_9", "x" * 64, "6a7e8feb-b491-4cf7-a9f1-bf3703467718"])
def test_an_id(good: str) -> None:
    assert check_id("id", good) == good


@pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "a#b", "a\n", "é", "٣", None, 5, ["a"]])
def test_no_id(bad: object) -> None:
    with pytest.raises(EventRejected) as refused:
        check_id("account_id", bad)
    assert refused.value.field == "account_id"


@pytest.mark.parametrize(
    ("data", "named"),
    [({"whatsapp_account_id": "sales"}, "sales"), ({}, None), ({"whatsapp_account_id": ["sales"]}, None)],
)
def test_the_whatsapp_account_that_an_event_names(data: dict[str, Any], named: str | None) -> None:
    body = build_body("contact.created", "2026-05-29T10:30:00Z", data)
    assert StoredEvent("acme", "evt_1", "contact.created", body, "").whatsapp_account_id() == named


def test_a_body_nested_too_deeply_to_be_read_again_names_no_whatsapp_account() -> None:
    body = '{"data":{"whatsapp_account_id":"sales","x":' + "[" * 200_000 + "]" * 200_000 + "}}"
    assert StoredEvent("acme", "evt_1", "contact.created", body, "").whatsapp_account_id() is None
