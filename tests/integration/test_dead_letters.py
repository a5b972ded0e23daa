"""The dead-letters function looks before it judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, ago, failures
from webhooks.models import now, rfc3339

URL = "https://localhost:1/hook"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def test_four_recorded_failures_are_failed_and_failing(pipeline: Pipeline) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    assert pipeline.judge(message) == [False]
    delivery, webhook = pipeline.delivery(message), pipeline.stored()
    assert delivery is not None
    assert delivery.status == "failed"
    assert (webhook.status, webhook.failing_reason, webhook.failing_event_id) == (
        "failing",
        "answered 500, expected 200",
        "evt_1",
    )
    ((name, detail),) = pipeline.signals()
    assert name == "webhook.failing"
    assert (detail["webhook_id"], detail["failing_since"]) == ("wh_1", webhook.failing_since)
    index = pipeline.aws.dynamodb.query(
        TableName="log",
        IndexName="failed",
        KeyConditionExpression="failed_webhook = :w",
        ExpressionAttributeValues={":w": {"S": "wh_1"}},
    )
    assert [item["event_id"]["S"] for item in index["Items"]] == ["evt_1"]


def test_a_second_failed_delivery_does_not_fail_the_webhook_again(pipeline: Pipeline) -> None:
    pipeline.webhook(URL)
    for event_id in ("evt_1", "evt_2"):
        message = pipeline.message(event_id=event_id)
        pipeline.logged(message, status="retrying", attempts=failures(4))
        pipeline.judge(message)
    assert pipeline.stored().failing_event_id == "evt_1"
    assert len(pipeline.signals()) == 1


@pytest.mark.parametrize("status", ["delivered", "failed", "cancelled"])
def test_a_final_round_is_dropped(pipeline: Pipeline, status: Any) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    before = pipeline.logged(message, status=status, attempts=failures(4))
    assert pipeline.judge(message) == [False]
    assert pipeline.delivery(message) == before
    assert pipeline.stored().status == "active"
    assert pipeline.aws.messages(pipeline.aws.delivery_queue) == []


@pytest.mark.parametrize("recorded", [0, 1, 3])
def test_what_was_not_really_attempted_goes_back_for_its_time(pipeline: Pipeline, recorded: int) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    due = rfc3339(now() + timedelta(seconds=200))
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=due)
    assert pipeline.judge(message) == [False]
    assert pipeline.stored().status == "active"
    counts = pipeline.aws.sqs.get_queue_attributes(QueueUrl=pipeline.aws.delivery_queue, AttributeNames=["All"])
    waiting = "ApproximateNumberOfMessagesDelayed" if recorded else "ApproximateNumberOfMessages"
    assert counts["Attributes"][waiting] == "1"


def test_what_goes_back_is_the_same_message(pipeline: Pipeline) -> None:
    from tests.integration.pipeline import record_of
    from webhooks.messages import from_record

    pipeline.webhook(URL)
    message = pipeline.message(test=True)
    pipeline.judge(message)
    (again,) = pipeline.aws.messages(pipeline.aws.delivery_queue)
    assert replace(from_record(record_of(again)), id=None) == message
    assert again["Attributes"]["MessageGroupId"] == "acme"


@pytest.mark.parametrize("recorded", [0, 3])
def test_after_24_hours_it_is_our_fault_and_not_the_webhooks(pipeline: Pipeline, recorded: int) -> None:
    pipeline.webhook(URL)
    message = pipeline.message(round_started_at=ago(24 * 3600 + 1))
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(recorded))
    assert pipeline.judge(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, delivery.attempts[-1].error) == ("failed", "not attempted: a fault on our side")
    assert pipeline.stored().status == "active"
    assert pipeline.signals() == []
    assert pipeline.aws.messages(pipeline.aws.delivery_queue) == []


def test_an_old_copy_does_not_end_what_a_later_one_began(pipeline: Pipeline) -> None:
    """The event was published again after 25 hours, and its first attempt failed."""
    pipeline.webhook(URL)
    message = pipeline.message(round_started_at=ago(25 * 3600))
    before = pipeline.logged(message, status="retrying", attempts=failures(1), round_started_at=ago(5))
    assert pipeline.judge(message) == [False]
    assert pipeline.delivery(message) == before
    assert len(pipeline.aws.messages(pipeline.aws.delivery_queue)) == 1


@pytest.mark.parametrize("gone", ["disabled", "deleted"])
def test_a_webhook_that_is_gone_is_not_marked(pipeline: Pipeline, gone: str) -> None:
    pipeline.webhook(URL, status="disabled")
    if gone == "deleted":
        pipeline.config.delete_webhook("acme", "wh_1")
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    assert pipeline.judge(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.status == "failed"
    if gone == "disabled":
        assert pipeline.stored().status == "disabled"
    assert pipeline.signals() == []


@pytest.mark.parametrize("call", ["batch_get_item", "transact_write_items", "put_events"])
def test_a_crash_between_any_two_steps_is_made_good(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The message stays, and the second judgement ends where the first should have; the signal's id repeats."""
    from webhooks.clients import client

    def crashing(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the network went away")

    pipeline.webhook(URL)
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    owner: Any = client("events") if call == "put_events" else client("dynamodb")
    with monkeypatch.context() as crash:
        crash.setattr(owner, call, crashing)
        assert pipeline.judge(message) == [True]
    assert pipeline.judge(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().status) == ("failed", "failing")
    assert pipeline.judge(message) == [False]
    told = pipeline.signals()
    assert {name for name, _ in told} == {"webhook.failing"}
    assert len({detail["id"] for _, detail in told}) == 1


def test_a_message_that_cannot_be_read_stays(pipeline: Pipeline) -> None:
    pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.delivery_queue, MessageBody="hello")
    assert pipeline.judge() == [True]
