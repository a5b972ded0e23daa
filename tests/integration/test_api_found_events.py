"""One event is found by its id: what was published, and what became of it at each webhook."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, ago, put_items
from tests.integration.test_fanout import fan_out
from webhooks.deliveries import Delivery
from webhooks.items import delivery_item
from webhooks.signing import hex_signature, standard_signature
from webhooks.stored_events import StoredEvent
from webhooks.tables import delivery_log


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def test_an_event_is_shown_with_its_delivery_to_each_webhook(
    account: Api, pipeline: Pipeline, receiver: Receiver
) -> None:
    receiver.answer("/down", Answer(500))
    pipeline.webhook(receiver.url("/hook"), "wh_1", name="Orders")
    pipeline.webhook(receiver.url("/down"), "wh_2", name="CRM")
    pipeline.webhook(receiver.url("/hook"), "wh_3", status="disabled")
    pipeline.webhook(receiver.url("/hook"), "wh_4", events=["contact.created"])
    fan_out()
    sent = account.get("/v1/events/order-1").json
    assert (sent["webhooks"], sent["deliveries"]) == (2, []), "before the first attempts"
    pipeline.deliver()
    found = account.get("/v1/events/order-1").json
    stored = pipeline.log.event("acme", "order-1")
    assert stored is not None
    assert found == {
        "id": "order-1",
        "account_id": "acme",
        "event": "message.incoming",
        "accepted_at": stored.accepted_at,
        "webhooks": 2,
        "payload": json.loads(stored.body),
        "deliveries": [
            {
                "webhook_id": "wh_2",
                "webhook_name": "CRM",
                "status": "retrying",
                "attempts": 1,
                "next_attempt_at": found["deliveries"][0]["next_attempt_at"],
                "error": "answered 500, expected 200",
                "error_code": "status",
            },
            {
                "webhook_id": "wh_1",
                "webhook_name": "Orders",
                "status": "delivered",
                "attempts": 1,
                "next_attempt_at": None,
                "error": None,
                "error_code": None,
            },
        ],
    }
    assert found["deliveries"][0]["next_attempt_at"] > stored.accepted_at


def test_the_platform_says_whose_event_it_is(api: Api, pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out()
    platform = api.of_platform()
    assert platform.get("/v1/events/order-1", account_id="acme").json["webhooks"] == 1
    assert platform.get("/v1/events/order-1", account_id="acme2").status == 404
    refused = platform.get("/v1/events/order-1")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "account_id")


def test_an_account_finds_its_own_events_only(api: Api, pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out()
    assert api.of_account("acme").get("/v1/events/order-1", account_id="acme").status == 200
    other = api.of_account("acme2")
    for query in ({}, {"account_id": "acme"}, {"account_id": "acme2"}):
        assert other.get("/v1/events/order-1", **query).status == 404


def test_an_event_that_no_webhook_was_to_get_is_not_there_and_the_answer_says_why(
    account: Api, pipeline: Pipeline
) -> None:
    pipeline.webhook("https://localhost:1/", events=["contact.created"])
    fan_out()
    missing = account.get("/v1/events/order-1")
    assert missing.status == 404
    assert "no enabled webhook subscribed to it (such events are not stored)" in missing.json["detail"]


def test_events_from_before_webhooks_were_counted(account: Api, pipeline: Pipeline) -> None:
    body = '{"event":"message.incoming","data":{}}'
    pipeline.log.put_event_once(StoredEvent("acme", "evt_1", "message.incoming", body, ago(60)))
    found = account.get("/v1/events/evt_1").json
    assert (found["webhooks"], found["deliveries"]) == (None, [])


def test_a_test_event_is_for_one_webhook(account: Api, pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/", "wh_1")
    pipeline.webhook("https://localhost:1/", "wh_2")
    event_id = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).json["event_id"]
    found = account.get(f"/v1/events/{event_id}").json
    assert (found["webhooks"], [d["webhook_id"] for d in found["deliveries"]]) == (1, ["wh_1"])


@pytest.mark.long
def test_what_is_read_is_bounded(account: Api, pipeline: Pipeline) -> None:
    for number in range(120):
        pipeline.webhook("https://localhost:1/", f"wh_{number}")
    fan_out()
    account.get("/v1/session")  # the key's first call today records that it is used
    with aws_calls() as calls:
        assert account.get("/v1/events/order-1").json["webhooks"] == 120
    assert calls == {
        "GetItem": 2,  # the key, and the event
        "UpdateItem": 1,  # the limit per minute
        "Query": 1,
        "read Query": 120,
        "BatchGetItem": 2,
    }


def test_the_request_is_shown_as_it_was_sent(account: Api, pipeline: Pipeline, receiver: Receiver) -> None:
    webhook = pipeline.webhook(receiver.url("/hook"), headers={"X-Api-Key": "s3cret"})
    fan_out()
    pipeline.deliver()
    (posted,) = receiver.received("/hook")
    request = account.get("/v1/webhooks/wh_1/deliveries/order-1").json["request"]
    sent: dict[str, Any] = {name.lower(): value for name, value in request["headers"].items()}
    # What the connection adds: nothing depends on it.
    added = {"host", "content-length", "connection"}
    assert sent == {k: v for k, v in posted.headers.items() if k not in added} | {"x-api-key": "••••••••"}
    assert request["url"] == webhook.url
    assert (request["method"], request["body"].encode()) == ("POST", posted.body)
    assert sent["x-webhook-signature"] == hex_signature(webhook.secret, posted.body)
    timestamp = int(sent["webhook-timestamp"])
    assert sent["webhook-signature"] == standard_signature([webhook.secret], "order-1", timestamp, posted.body)
    assert request["edited_since"] is False
    account.call("PATCH", "/v1/webhooks/wh_1", {"name": "Renamed"})
    assert account.get("/v1/webhooks/wh_1/deliveries/order-1").json["request"]["edited_since"] is True


@pytest.mark.long
def test_deliveries_to_more_webhooks_than_a_read_takes_are_all_found(pipeline: Pipeline) -> None:
    """DynamoDB reads 100 items at once. An account has no more webhooks, but for those that it has deleted."""
    event = StoredEvent("acme", "evt_1", "message.incoming", "{}", ago(1))
    webhooks = [f"wh_{number:03}" for number in range(201)]
    made = [Delivery(id, "acme", "evt_1", event.event, event.accepted_at, "delivered", 1, ago(1)) for id in webhooks]
    put_items(pipeline.aws, [delivery_item(delivery, 30) for delivery in made])
    with aws_calls() as calls:
        found = delivery_log().deliveries(event, webhooks)
    assert sorted(delivery.webhook_id for delivery in found) == webhooks
    assert calls == {"BatchGetItem": 3}
