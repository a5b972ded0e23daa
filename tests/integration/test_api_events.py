from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from webhooks.event_types import EVENT_TYPES
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339

DATA = dict(EVENT_TYPES["message.incoming"].example)
EVENT = {"account_id": "acme", "event": "message.incoming", "data": DATA}


@pytest.fixture
def platform(api: Api) -> Api:
    return api.of_platform()


@pytest.fixture
def published(aws: Aws) -> str:
    """A queue with what reaches the bus under the platform's own source."""
    queue = aws.sqs.create_queue(QueueName="published")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events = boto3.client("events")
    events.put_rule(Name="published", EventBusName="bus", EventPattern='{"source": ["aisoule"]}')
    events.put_targets(Rule="published", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn}])
    return str(queue)


def test_an_event_reaches_the_bus_as_the_contract_says(aws: Aws, platform: Api, published: str) -> None:
    accepted = platform.post("/v1/events", EVENT | {"id": "order-1", "timestamp": "2026-05-29T12:30:00.9+02:00"})
    assert (accepted.status, accepted.json) == (202, {"id": "order-1"})
    event = json.loads(aws.messages(published)[0]["Body"])
    assert (event["source"], event["detail-type"]) == ("aisoule", "message.incoming")
    expected = {"account_id": "acme", "id": "order-1", "timestamp": "2026-05-29T10:30:00Z", "data": DATA}
    assert event["detail"] == expected


def test_an_id_of_another_event_is_refused(aws: Aws, platform: Api, published: str) -> None:
    """As soon as the first is stored. A repeat is accepted: it may be one of a call that was cut off."""
    stored = EVENT | {"id": "order-1", "data": {**DATA, "price": 1.5}}
    assert platform.post("/v1/events", stored).status == 202
    body = json.dumps({"event": stored["event"], "timestamp": "2026-05-29T10:30:00Z", "data": stored["data"]})
    at = rfc3339(now())
    Pipeline(aws).log.put_event_once(StoredEvent("acme", "order-1", "message.incoming", body, at))
    assert platform.post("/v1/events", stored).status == 202
    assert platform.post("/v1/events", stored | {"timestamp": "2026-05-29T10:30:00Z"}).status == 202
    assert platform.post("/v1/events", stored | {"account_id": "other", "data": DATA}).status == 202
    before = len(aws.messages(published))
    for other in ({"data": DATA}, {"event": "message.read"}):
        refused = platform.post("/v1/events", stored | other)
        detail = "an event with the id order-1 and other data was published before; use another id"
        assert (refused.status, refused.json["detail"]) == (409, detail)
    assert (before, aws.messages(published)) == (4, [])


def test_an_id_is_minted_where_none_is_given(platform: Api) -> None:
    ids = {platform.post("/v1/events", EVENT).json["id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(id.startswith("evt_") for id in ids)


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"account_id": ""}, 422, "account_id"),
        ({"account_id": "a#b"}, 422, "account_id"),
        ({"account_id": "a\n"}, 422, "account_id"),
        ({"event": "message.unknown"}, 422, "event"),
        ({"data": []}, 422, "data"),
        ({"data": {}}, 422, "data.message_id"),
        ({"data": {**DATA, "message_id": ""}}, 422, "data.message_id"),
        ({"data": {**DATA, "message_id": 5}}, 422, "data.message_id"),
        ({"data": {**DATA, "whatsapp_account_id": None}}, 422, "data.whatsapp_account_id"),
        ({"id": ""}, 422, "id"),
        ({"id": "x" * 65}, 422, "id"),
        ({"id": "a b"}, 422, "id"),
        ({"timestamp": "yesterday"}, 422, "timestamp"),
        ({"timestamp": "2026-05-29T10:30:00"}, 422, "timestamp"),
        ({"timestamp": "2026-05-29"}, 422, "timestamp"),
        ({"extra": 1}, 422, "extra"),
        ({"data": {**DATA, "text": "x" * 65_536}}, 413, "data"),
    ],
)
def test_a_bad_event_is_refused_at_its_field(platform: Api, change: dict[str, Any], status: int, field: str) -> None:
    answer = platform.post("/v1/events", EVENT | change)
    assert (answer.status, answer.json["errors"][0]["field"]) == (status, field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have(platform: Api, number: str) -> None:
    text = json.dumps(EVENT | {"data": {**DATA, "price": "HERE"}}).replace('"HERE"', number)
    assert platform.call("POST", "/v1/events", text=text).status == 422


def test_half_a_surrogate_pair(platform: Api) -> None:
    assert platform.post("/v1/events", EVENT | {"data": {**DATA, "text": "\ud83d"}}).status == 422


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.long
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(extra=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10), json_values))
def test_what_else_the_data_carries_passes_through_untouched(
    aws: Aws, platform: Api, published: str, extra: dict[str, Any]
) -> None:
    data = extra | DATA
    assert platform.post("/v1/events", EVENT | {"data": data}).status == 202
    assert json.loads(aws.messages(published)[0]["Body"])["detail"]["data"] == data


def test_the_catalogue_has_the_nine_with_examples_that_are_valid(api: Api) -> None:
    listed = api.of_account("acme").get("/v1/event-types").json["data"]
    assert [event["name"] for event in listed] == [
        "message.incoming",
        "message.sent",
        "message.delivered",
        "message.read",
        "message.failed",
        "contact.created",
        "contact.updated",
        "campaign.completed",
        "transfer.created",
    ]
    for event in listed:
        assert list(event["example"]) == ["event", "timestamp", "data"]
        assert set(event["schema"]["required"]) <= set(event["example"]["data"])
        assert event["schema"]["required"][0].endswith("_id")
        published = {"account_id": "acme", "event": event["name"], "data": event["example"]["data"]}
        assert api.of_platform().post("/v1/events", published).status == 202


def test_the_specification_and_its_explorer_are_open(api: Api) -> None:
    from api.handler import ROUTES

    specification = api.get("/openapi.json").json
    operations = [call["operationId"] for path in specification["paths"].values() for call in path.values()]
    assert len(operations) == len(set(operations)) == sum(bool(route.operation_id) for route in ROUTES)
    explorer = api.get("/docs")
    assert explorer.headers["Content-Type"].startswith("text/html")
