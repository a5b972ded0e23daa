"""An event on the bus becomes one message for every webhook that wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, record_of
from webhooks.messages import from_record

EVENT = json.loads((Path(__file__).parent.parent / "events" / "eventbridge.json").read_text())


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def fan_out(**changes: Any) -> None:
    from fanout.handler import lambda_handler

    detail = EVENT["detail"] | changes.pop("detail", {})
    lambda_handler(EVENT | {"detail": detail} | changes, None)


def test_every_enabled_subscribed_webhook_of_the_account_gets_a_message(pipeline: Pipeline) -> None:
    url = "https://localhost:1/"
    pipeline.webhook(url, "wh_1")
    pipeline.webhook(url, "wh_2", status="failing")
    pipeline.webhook(url, "wh_3", status="disabled")
    pipeline.webhook(url, "wh_4", events=["contact.created"])
    pipeline.webhook(url, "wh_5", account_id="acme2")
    fan_out()
    received = pipeline.aws.messages(pipeline.aws.delivery_queue)
    messages = [from_record(record_of(message)) for message in received]
    assert sorted(message.webhook_id for message in messages) == ["wh_1", "wh_2"]
    assert {message.body for message in messages} == {
        '{"event":"message.incoming","timestamp":"2026-05-29T10:30:00Z","data":{"message_id":"wamid.xxx",'
        '"text":"na\\u00efve \\ud83d\\ude42","whatsapp_account_id":"uuid"}}'
    }
    assert {message.event_id for message in messages} == {"order-1"}
    assert {message["Attributes"]["MessageGroupId"] for message in received} == {"acme"}
    stored = pipeline.log.event("acme", "order-1")
    assert stored is not None
    assert (stored.body, stored.accepted_at) == (messages[0].body, messages[0].accepted_at)


def test_what_was_stored_first_wins_and_its_repeat_comes_after_the_first_attempt(
    pipeline: Pipeline, sends: list[list[Any]]
) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out()
    fan_out(detail={"data": EVENT["detail"]["data"] | {"text": "changed"}, "timestamp": "2027-01-01T00:00:00Z"})
    (first,), (again,) = sends
    assert (first["DelaySeconds"], again["DelaySeconds"]) == (0, 6)
    # The round starts anew: for 24 h from now, our own faults do not end it.
    started = [entry["MessageAttributes"].pop("round_started_at")["StringValue"] for entry in (first, again)]
    assert again == first | {"DelaySeconds": 6}
    assert started[0] == first["MessageAttributes"]["accepted_at"]["StringValue"] <= started[1]


def test_without_id_and_time_of_its_own_the_buss_are_taken(pipeline: Pipeline) -> None:
    fan_out(detail={"id": None, "timestamp": None})
    stored = pipeline.log.event("acme", EVENT["id"])
    assert stored is not None
    assert json.loads(stored.body)["timestamp"] == EVENT["time"]


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> list[list[Any]]:
    """The entries of each SendMessageBatch."""
    from webhooks.clients import client

    seen: list[list[Any]] = []
    sqs = client("sqs")
    real = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        seen.append(request["Entries"])
        return real(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen


def test_25_webhooks_are_three_sends(pipeline: Pipeline, sends: list[list[Any]]) -> None:
    for number in range(25):
        pipeline.webhook("https://localhost:1/", f"wh_{number}")
    fan_out()
    assert [len(entries) for entries in sends] == [10, 10, 5]
    assert len(pipeline.aws.messages(pipeline.aws.delivery_queue)) == 25


@pytest.mark.parametrize(("refusals", "raises"), [(1, False), (2, True)])
def test_refused_entries_are_sent_again_and_then_it_raises(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, refusals: int, raises: bool
) -> None:
    from fanout.handler import NotAllSent
    from webhooks.clients import client

    for number in range(3):
        pipeline.webhook("https://localhost:1/", f"wh_{number}")
    sqs = client("sqs")
    real, asked = sqs.send_message_batch, []

    def refusing_the_second(**request: Any) -> Any:
        asked.append(request["Entries"])
        if len(asked) > refusals:
            return real(**request)
        refused = request["Entries"][min(1, len(request["Entries"]) - 1)]
        real(**request | {"Entries": [e for e in request["Entries"] if e is not refused]}) if len(asked) == 1 else None
        return {"Failed": [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]}

    monkeypatch.setattr(sqs, "send_message_batch", refusing_the_second)
    if raises:
        with pytest.raises(NotAllSent):
            fan_out()
    else:
        fan_out()
    sent = [from_record(record_of(m)).webhook_id for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert sorted(sent) == (["wh_0", "wh_2"] if raises else ["wh_0", "wh_1", "wh_2"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"detail-type": "message.unknown"}, "event"),
        ({"detail": {"account_id": None}}, "account_id"),
        ({"detail": {"account_id": "a#b"}}, "account_id"),
        ({"detail": {"id": 5}}, "id"),
        ({"detail": {"data": None}}, "data"),
        ({"detail": {"data": {"message_id": "x"}}}, "data.whatsapp_account_id"),
        ({"detail": {"timestamp": "now"}}, "timestamp"),
        ({"detail": {"data": EVENT["detail"]["data"] | {"text": "x" * 65_536}}}, "data"),
        ({"detail": {"data": EVENT["detail"]["data"] | {"text": "\ud83d"}}}, "data"),
    ],
)
def test_a_malformed_event_is_kept_with_its_reason_and_not_retried(
    pipeline: Pipeline, changes: dict[str, Any], field: str
) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out(**changes)
    (message,) = pipeline.aws.messages(pipeline.aws.rejected_queue)
    rejected = json.loads(message["Body"])
    assert rejected["reason"]["field"] == field
    assert rejected["event"]["id"] == EVENT["id"]
    assert pipeline.aws.messages(pipeline.aws.delivery_queue) == []


def test_a_detail_that_is_no_object_is_kept_too(pipeline: Pipeline) -> None:
    from fanout.handler import lambda_handler

    lambda_handler(EVENT | {"detail": "text"}, None)
    assert len(pipeline.aws.messages(pipeline.aws.rejected_queue)) == 1
