"""An endpoint that answers 410 (Gone) wants no more events: its webhook is disabled, and says why."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest

from deliver.snapshots import read_snapshot
from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, ago, failures
from webhooks.clients import client
from webhooks.deliveries import Attempt
from webhooks.models import GONE


@pytest.fixture
def pipeline(aws: Aws, receiver: Receiver) -> Pipeline:
    pipeline = Pipeline(aws)
    receiver.answer("/hook", Answer(410, body=b"moved out"))
    return pipeline


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize(("lane", "recorded"), [("delivery", 0), ("retry", 2), ("retry", 3)])
def test_a_410_disables_the_webhook_and_ends_the_delivery(
    pipeline: Pipeline, receiver: Receiver, caplog: pytest.LogCaptureFixture, lane: Any, recorded: int, test: bool
) -> None:
    """At any attempt, also of a test event."""
    pipeline.webhook(receiver.url("/hook"), status="failing", failing_since=ago(9), failing_reason="x")
    message = pipeline.message(queue=lane, test=test)
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=ago(0), test=test)
    assert pipeline.deliver(message) == [False]
    delivery, webhook = pipeline.delivery(message), pipeline.stored()
    assert delivery is not None
    last = delivery.attempts[-1]
    assert (delivery.status, delivery.next_attempt_at, len(delivery.attempts)) == ("cancelled", None, recorded + 1)
    assert (last.status_code, last.error, last.response_body) == (410, "answered 410, expected 200", "moved out")
    assert (webhook.status, webhook.disabled_reason, webhook.failing_since) == ("disabled", GONE, None)
    emitted = dict(pipeline.operational_events())
    assert set(emitted) == {"webhook.disabled", "account.subscriptions_changed"}
    disabled = emitted["webhook.disabled"]
    assert (disabled["webhook_id"], disabled["disabled_reason"], disabled["event_id"]) == ("wh_1", GONE, "evt_1")
    assert disabled["disabled_at"] == webhook.disabled_at
    assert emitted["account.subscriptions_changed"]["events"] == []
    (line,) = [vars(record) for record in caplog.records if record.msg == "webhook.disabled"]
    assert (line["webhook_id"], line["event_id"]) == ("wh_1", "evt_1")


def test_after_a_410_the_webhook_and_the_delivery_are_known_as_they_are_stored(pipeline: Pipeline) -> None:
    from deliver.handler import worker

    attempted, message = pipeline.webhook("https://localhost:1/"), pipeline.message()
    recorder = worker().recorder
    snapshot = read_snapshot(message)
    recorded = recorder.record(snapshot, Attempt(1, 1, ago(0), 20, status_code=410), attempted)
    assert recorded
    assert (recorded.webhook, recorded.delivery) == (pipeline.stored(), pipeline.delivery(message))


@pytest.fixture
def one_at_a_time(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that write: moto rolls a cancelled transaction back to a copy of all tables, over what others have written."""
    dynamodb: Any = client("dynamodb")
    lock = Lock()

    def alone(call: Callable[..., Any]) -> Callable[..., Any]:
        def locked(**request: Any) -> Any:
            with lock:
                return call(**request)

        return locked

    for name in ("transact_write_items", "put_item", "update_item"):
        monkeypatch.setattr(dynamodb, name, alone(getattr(dynamodb, name)))


@pytest.mark.usefixtures("one_at_a_time")
def test_several_that_learn_it_together_disable_it_once(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"))
    messages = [pipeline.message(event_id=f"evt_{number}") for number in range(8)]
    assert pipeline.deliver(*messages) == [False] * 8
    assert {delivery and delivery.status for delivery in map(pipeline.delivery, messages)} == {"cancelled"}
    assert sorted(name for name, _ in pipeline.operational_events()) == [
        "account.subscriptions_changed",
        "webhook.disabled",
    ]
    assert pipeline.deliver(pipeline.message(event_id="evt_8")) == [False]
    assert len(receiver.received("/hook")) == 8


@pytest.mark.parametrize("edit", [{"name": "another"}, {"status": "active", "disabled_at": None}])
def test_a_person_who_edits_it_meanwhile_wins(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, edit: dict[str, Any]
) -> None:
    """The answer was about the webhook as it was: it counts as a failure, and the next attempt asks again."""
    pipeline.webhook(receiver.url("/hook"))

    def edits(_: Any) -> None:
        pipeline.config.edit_webhook("acme", "wh_1", edit)

    monkeypatch.setattr(receiver, "on_received", edits)
    message = pipeline.message()
    assert pipeline.deliver(message) == [True]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().status) == ("retrying", "active")
    assert pipeline.operational_events() == []


@pytest.mark.parametrize("meanwhile", ["disabled", "deleted"])
def test_of_a_webhook_that_a_person_ended_meanwhile_nothing_is_emitted(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    pipeline.webhook(receiver.url("/hook"))

    def ends(_: Any) -> None:
        if meanwhile == "deleted":
            pipeline.config.delete_webhook("acme", "wh_1")
        else:
            pipeline.config.edit_webhook("acme", "wh_1", {"status": "disabled", "disabled_at": ago(0)})

    monkeypatch.setattr(receiver, "on_received", ends)
    message = pipeline.message()
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts)) == ("cancelled", 1)
    assert pipeline.operational_events() == []
    if meanwhile == "disabled":
        assert pipeline.stored().disabled_reason is None


@pytest.mark.parametrize("call", ["transact_write_items", "put_events", "query"])
@pytest.mark.parametrize("by", ["deliver", "process_dead_letters"])
def test_a_crash_between_any_two_steps_is_made_good(
    pipeline: Pipeline,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    by: str,
) -> None:
    def crashing(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the network went away")

    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    owner: Any = client("events") if call == "put_events" else client("dynamodb")
    with monkeypatch.context() as crash:
        # The query is made by a paginator, which finds the call by its name.
        crash.setattr(owner, "get_paginator" if call == "query" else call, crashing)
        assert pipeline.deliver(message) == [True]
    (fault,) = [record.exc_info for record in caplog.records if record.msg == "delivery.our_fault"]
    assert fault
    assert str(fault[1]) == ("subscriptions of acme" if call == "query" else "the network went away")
    if call == "transact_write_items":
        assert pipeline.stored().status == "active"
        assert pipeline.deliver(message) == [False]
    else:
        assert getattr(pipeline, by)(message) == [False]
    assert pipeline.stored().status == "disabled"
    emitted = pipeline.operational_events()
    assert {name for name, _ in emitted} == {"webhook.disabled", "account.subscriptions_changed"}
    assert {detail["account_id"] for _, detail in emitted} == {"acme"}
    assert len({detail["id"] for name, detail in emitted if name == "webhook.disabled"}) == 1
    assert len(receiver.received("/hook")) == (2 if call == "transact_write_items" else 1)


def test_the_api_says_why_until_it_is_enabled(api: Api, pipeline: Pipeline, receiver: Receiver) -> None:
    account = api.of_account("acme")
    values = {"name": "hook", "url": receiver.url("/hook"), "events": ["message.incoming"]}
    created = account.post("/v1/webhooks", values)
    path, id = created.headers["Location"], created.json["id"]
    assert (created.json["disabled_at"], created.json["disabled_reason"]) == (None, None)
    assert pipeline.deliver(pipeline.message(id)) == [False]
    disabled = account.get(path).json
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", GONE)
    assert disabled["disabled_at"] is not None
    # A person who disables it, too, changes neither since when nor why.
    again = account.call("PATCH", path, {"enabled": False}).json
    assert (again["disabled_at"], again["disabled_reason"]) == (disabled["disabled_at"], GONE)
    enabled = account.call("PATCH", path, {"enabled": True}).json
    assert (enabled["status"], enabled["disabled_at"], enabled["disabled_reason"]) == ("active", None, None)
    by_hand = account.call("PATCH", path, {"enabled": False}).json
    assert by_hand["disabled_at"] is not None
    assert by_hand["disabled_reason"] is None
