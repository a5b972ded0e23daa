"""The dead-letters function: the delivery log decides the outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, get_args

import pytest

from local.emulator import ROOT
from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, ago, failures
from tests.integration.test_telemetry import metrics, written
from tests.template import lane_limits
from webhooks import operational_events
from webhooks.times import now, parse_time, rfc3339

URL = "https://localhost:1/hook"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def requeued(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> list[dict[str, Any]]:
    """What the function sends, as it sends it: the queue shows a delayed message to nobody."""
    from webhooks.clients import client

    sqs, seen = client("sqs"), []
    real = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        assert request["QueueUrl"] == aws.retry_queue
        seen.extend(request["Entries"])
        return real(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen


def documented() -> Any:
    """`detail` as docs/telling-customers.md has it."""
    page = (ROOT / "docs" / "telling-customers.md").read_text()
    return json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])


def test_the_documented_rule_is_about_what_is_emitted() -> None:
    page = (ROOT / "docs" / "telling-customers.md").read_text()
    (pattern,) = re.findall(r"--event-pattern \\\n +'(.*?)'", page)
    assert json.loads(pattern) == {
        "source": [operational_events.SOURCE],
        "detail-type": list(get_args(operational_events.OperationalEvent)),
    }


def test_four_recorded_failures_are_failed_and_failing(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    attempts = [replace(attempt, error_code="status") for attempt in failures(4)]
    pipeline.logged(message, status="retrying", attempts=attempts)
    assert pipeline.process_dead_letters(message) == [False]
    delivery, webhook = pipeline.delivery(message), pipeline.stored()
    assert delivery is not None
    assert delivery.status == "failed"
    assert (webhook.status, webhook.failing_reason, webhook.failing_event_id) == (
        "failing",
        "answered 500, expected 200",
        "evt_1",
    )
    ((name, detail),) = pipeline.operational_events()
    assert name == "webhook.failing"
    assert detail == {
        "id": detail["id"],
        "account_id": "acme",
        "webhook_id": "wh_1",
        "webhook_name": "hook",
        "page_url": "https://webhooks.example.com/settings/webhooks#/wh_1",
        "failing_since": webhook.failing_since,
        "failing_reason": "answered 500, expected 200",
        "failing_code": "status",
        "failed_deliveries": 1,
        "catch_up": False,
        "event_id": "evt_1",
        "disabled_at": None,
        "disabled_reason": None,
    }
    assert detail.keys() == documented().keys()
    (line,) = [vars(record) for record in caplog.records if record.msg == "webhook.failing"]
    assert (line["webhook_id"], line["event_id"], line["failing_code"]) == ("wh_1", "evt_1", "status")
    index = pipeline.aws.dynamodb.query(
        TableName="log",
        IndexName="failed",
        KeyConditionExpression="failed_webhook = :w",
        ExpressionAttributeValues={":w": {"S": "wh_1"}},
    )
    assert [item["sk"]["S"].partition("#")[2] for item in index["Items"]] == ["evt_1"]


def test_a_second_failed_delivery_does_not_fail_the_webhook_again(pipeline: Pipeline) -> None:
    pipeline.webhook(URL)
    for event_id in ("evt_1", "evt_2"):
        message = pipeline.message(event_id=event_id)
        pipeline.logged(message, status="retrying", attempts=failures(4))
        pipeline.process_dead_letters(message)
    assert pipeline.stored().failing_event_id == "evt_1"
    assert len(pipeline.operational_events()) == 1


@pytest.mark.parametrize("status", ["delivered", "failed", "cancelled"])
def test_a_final_round_is_dropped(pipeline: Pipeline, status: Any) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    before = pipeline.logged(message, status=status, attempts=failures(4))
    assert pipeline.process_dead_letters(message) == [False]
    assert pipeline.delivery(message) == before
    assert pipeline.stored().status == "active"
    assert pipeline.aws.messages(pipeline.aws.retry_queue) == []


@pytest.mark.parametrize("webhook", ["failing", "deleted"])
def test_a_final_round_says_nothing_of_a_webhook_that_another_delivery_made_failing_or_that_is_gone(
    pipeline: Pipeline, webhook: str
) -> None:
    pipeline.webhook(URL, status="failing", failing_since=ago(9), failing_reason="x", failing_event_id="evt_0")
    if webhook == "deleted":
        pipeline.config.delete_webhook("acme", "wh_1")
    message = pipeline.message()
    pipeline.logged(message, status="failed", attempts=failures(4))
    assert pipeline.process_dead_letters(message) == [False]
    assert pipeline.operational_events() == []


@pytest.mark.parametrize(
    ("recorded", "due_in", "age", "delay"),
    [
        (0, None, 1, 60),  # a floor: a round of our own fault may be the first of many
        (1, 200, 1, 200),
        (3, 200, 1, 200),
        (1, 10, 1, 60),
        (0, None, 300, 300),  # the longer it goes on, the less often
        (1, 10, 3600, 400),  # counted from the last attempt that was recorded
        (0, None, 3600, 900),  # SQS delays by no more; deliver makes the message wait for the rest
    ],
)
def test_what_was_not_really_attempted_goes_back_for_its_time(
    pipeline: Pipeline,
    requeued: list[dict[str, Any]],
    recorded: int,
    due_in: int | None,
    age: int,
    delay: int,
) -> None:
    pipeline.webhook(URL)
    message = pipeline.message(round_started_at=ago(age))
    if recorded:
        assert due_in is not None
        due = rfc3339(now() + timedelta(seconds=due_in))
        pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=due)
    assert pipeline.process_dead_letters(message) == [False]
    assert pipeline.stored().status == "active"
    (request,) = requeued
    assert delay - 2 <= request["DelaySeconds"] <= delay + 2


def test_what_goes_back_is_the_same_message(pipeline: Pipeline, requeued: list[dict[str, Any]]) -> None:
    from webhooks.messages import from_record

    pipeline.webhook(URL)
    message = pipeline.message(test=True)
    pipeline.process_dead_letters(message)
    (request,) = requeued
    attributes = {
        name: {"stringValue": value["StringValue"], "dataType": "String"}
        for name, value in request["MessageAttributes"].items()
    }
    record = {"messageId": "m", "body": request["MessageBody"], "messageAttributes": attributes}
    assert replace(from_record(record, "retry"), id=None, not_before=None) == message
    assert request["MessageGroupId"] == "wh_1"


@pytest.mark.parametrize("recorded", [0, 1])
def test_a_message_that_is_requeued_for_hours_is_never_in_flight_for_long(
    pipeline: Pipeline, receiver: Receiver, requeued: list[dict[str, Any]], recorded: int
) -> None:
    """It is sent anew when its delay is over, until it is due, and makes the attempt that it would have made."""
    from webhooks.messages import from_record

    pipeline.webhook(receiver.url("/hook"))
    due = rfc3339(now() + timedelta(hours=1))
    message = pipeline.message(not_before=due)
    request = message.to_request()
    assert request.pop("DelaySeconds") == 900
    sent = pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.retry_queue, **request)
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(1), message_id=sent["MessageId"])
    assert pipeline.deliver() == [False]
    assert receiver.received("/hook") == []
    (anew,) = requeued
    assert anew["DelaySeconds"] == 900
    attributes = {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in anew["MessageAttributes"].items()
    }
    record = {"messageId": "m", "body": anew["MessageBody"], "messageAttributes": attributes}
    takes_over = sent["MessageId"] if recorded else None
    assert from_record(record, "retry") == replace(message, id="m", takes_over=takes_over)


def test_what_sqs_does_not_take_back_stays(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from webhooks.clients import client

    def refusing(**request: Any) -> Any:
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in request["Entries"]]}

    monkeypatch.setattr(client("sqs"), "send_message_batch", refusing)
    pipeline.webhook(URL)
    assert pipeline.process_dead_letters(pipeline.message()) == [True]
    (line,) = [record for record in caplog.records if record.msg == "dead_letter.unhandled"]
    assert line.exc_info is not None
    assert str(line.exc_info[1]) == "the delivery of evt_1 to wh_1 could not be queued"


def test_a_message_that_kills_the_function_costs_few_invocations(
    pipeline: Pipeline, requeued: list[dict[str, Any]]
) -> None:
    """
    Each time it goes back it is received as often as SQS allows before it gives the message up, and kills as many
    invocations. After each, it is hidden for the queue's visibility timeout.
    """
    pipeline.webhook(URL)
    killed = 0
    receives, hidden_seconds = lane_limits()
    age = float(receives * hidden_seconds)
    for copy in count(1):
        killed += receives
        pipeline.process_dead_letters(pipeline.message(event_id=f"evt_{copy}", round_started_at=ago(age)))
        if len(requeued) < copy:
            break
        waits = parse_time(requeued[-1]["MessageAttributes"]["not_before"]["StringValue"]) - now()
        age += waits.total_seconds() + receives * hidden_seconds
    assert age >= 24 * 3600
    assert killed < 100


@pytest.mark.parametrize(("recorded", "round"), [(0, 1), (3, 1), (3, 2)])
def test_after_24_hours_it_is_our_fault_and_not_the_webhooks(pipeline: Pipeline, recorded: int, round: int) -> None:
    pipeline.webhook(URL)
    message = pipeline.message(round=round, round_started_at=ago(24 * 3600 + 1))
    if recorded:
        pipeline.logged(message, status="retrying", round=round, attempts=failures(recorded, round=round))
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    given_up = delivery.attempts[-1]
    assert (delivery.status, given_up.error_code) == ("failed", "not_attempted")
    assert (given_up.number, given_up.round, given_up.duration_ms) == (recorded + 1, round, 0)
    assert given_up.error == "not attempted: a fault on our side"
    assert pipeline.stored().status == "active"
    assert pipeline.operational_events() == []
    assert pipeline.aws.messages(pipeline.aws.retry_queue) == []


@pytest.mark.parametrize(("short_of", "status"), [(timedelta(0), "failed"), (timedelta(milliseconds=1), "pending")])
def test_it_is_given_up_after_24_hours_and_no_sooner(
    pipeline: Pipeline, clock: Clock, short_of: timedelta, status: str
) -> None:
    pipeline.webhook(URL)
    message = pipeline.message(round_started_at=rfc3339(clock.at - timedelta(hours=24) + short_of))
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.status == status


def test_an_old_copy_does_not_end_what_a_later_one_began(pipeline: Pipeline, requeued: list[dict[str, Any]]) -> None:
    """The event was published again after 25 hours, and its first attempt failed."""
    pipeline.webhook(URL)
    message = pipeline.message(round_started_at=ago(25 * 3600))
    before = pipeline.logged(message, status="retrying", attempts=failures(1), round_started_at=ago(5))
    assert pipeline.process_dead_letters(message) == [False]
    assert pipeline.delivery(message) == before
    assert len(requeued) == 1


@pytest.mark.parametrize("gone", ["disabled", "deleted"])
def test_a_webhook_that_is_gone_is_not_marked(pipeline: Pipeline, gone: str) -> None:
    pipeline.webhook(URL, status="disabled")
    if gone == "deleted":
        pipeline.config.delete_webhook("acme", "wh_1")
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.status == "failed"
    if gone == "disabled":
        assert pipeline.stored().status == "disabled"
    assert pipeline.operational_events() == []


def after_each_read(monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any], times: int = 1) -> None:
    """What somebody else writes when the function has just read the log and the webhook."""
    from webhooks.clients import client

    real, left = client("dynamodb").batch_get_item, [change] * times

    def then_changed(**request: Any) -> Any:
        answer = real(**request)
        if left:
            left.pop()()
        return answer

    monkeypatch.setattr(client("dynamodb"), "batch_get_item", then_changed)


@pytest.mark.parametrize(
    ("recorded", "status", "age"),
    [(4, "active", 1), (4, "disabled", 1), (2, "active", 24 * 3600 + 1), (0, "active", 1)],
)
def test_what_another_copy_wrote_meanwhile_stands(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, recorded: int, status: str, age: int
) -> None:
    """Whether the delivery would fail, be given up, or be stored and sent again."""
    pipeline.webhook(URL, status=status)
    message = pipeline.message(round_started_at=ago(age))
    if recorded:
        logged = pipeline.logged(message, status="retrying", attempts=failures(recorded))
        delivered = replace(logged, status="delivered")
        after_each_read(monkeypatch, lambda: pipeline.log.save(delivered))
    else:
        after_each_read(monkeypatch, lambda: pipeline.logged(message, status="delivered"))
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts)) == ("delivered", recorded)
    assert pipeline.stored().status == status
    assert pipeline.operational_events() == []
    assert pipeline.aws.messages(pipeline.aws.retry_queue) == []


@pytest.mark.parametrize(
    ("recorded", "status", "age", "ends"),
    [
        (4, "active", 1, "failed"),
        (4, "disabled", 1, "failed"),
        (2, "active", 24 * 3600 + 1, "failed"),
        (0, "active", 1, "pending"),
    ],
)
def test_what_has_changed_meanwhile_is_read_and_handled_again(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    requeued: list[dict[str, Any]],
    recorded: int,
    status: str,
    age: int,
    ends: str,
) -> None:
    pipeline.webhook(URL, status=status)
    message = pipeline.message(round_started_at=ago(age))
    if recorded:
        logged = pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=ago(1))
        after_each_read(monkeypatch, lambda: pipeline.log.save(logged))
    else:
        after_each_read(monkeypatch, lambda: pipeline.logged(message, round_started_at=ago(2)))
    with aws_calls() as calls:
        assert pipeline.process_dead_letters(message) == [False]
    assert calls["BatchGetItem"] == 2
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, delivery.next_attempt_at) == (ends, None)
    assert len(requeued) == (ends == "pending")


def test_a_webhook_that_a_person_disables_meanwhile_is_not_failing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    disabled = {"status": "disabled", "disabled_at": ago(0)}
    after_each_read(monkeypatch, lambda: pipeline.config.edit_webhook("acme", "wh_1", disabled))
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().status) == ("failed", "disabled")
    assert pipeline.operational_events() == []


@pytest.mark.parametrize(("changes", "stays"), [(4, False), (5, True)])
def test_a_delivery_that_changes_at_each_of_five_tries_stays(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: int,
    stays: bool,
) -> None:
    pipeline.webhook(URL)
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))

    def touch() -> None:
        delivery = pipeline.delivery(message)
        assert delivery
        pipeline.log.save(delivery)

    after_each_read(monkeypatch, touch, changes)
    assert pipeline.process_dead_letters(message) == [stays]
    lines = [record for record in caplog.records if record.msg == "dead_letter.unhandled"]
    assert [str(line.exc_info and line.exc_info[1]) for line in lines] == ["delivery of evt_1 to wh_1"] * stays


@pytest.mark.parametrize("call", ["batch_get_item", "transact_write_items", "put_events"])
def test_a_crash_between_any_two_steps_is_made_good(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The message stays, and the second call ends where the first should have; the event's id repeats."""
    from webhooks.clients import client

    def crashing(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the network went away")

    pipeline.webhook(URL, catch_up=True)
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    owner: Any = client("events") if call == "put_events" else client("dynamodb")
    with monkeypatch.context() as crash:
        crash.setattr(owner, call, crashing)
        assert pipeline.process_dead_letters(message) == [True]
    assert pipeline.process_dead_letters(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().status) == ("failed", "failing")
    assert pipeline.process_dead_letters(message) == [False]
    emitted = pipeline.operational_events()
    assert {name for name, _ in emitted} == {"webhook.failing"}
    assert len({detail["id"] for _, detail in emitted}) == 1
    assert Api().of_account("acme").get("/v1/webhooks/wh_1/catch-up").json["state"] == "waiting"


def test_a_message_that_cannot_be_read_stays_and_is_counted(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQS leaves it out of the age of its queue's oldest message once it has been received three times."""
    sent = pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.delivery_queue, MessageBody="hello")
    assert pipeline.process_dead_letters() == [True]
    (line,) = [vars(record) for record in caplog.records if record.msg == "dead_letter.unhandled"]
    assert line["message_id"] == sent["MessageId"]
    assert metrics(written(capsys)) == {"DeadLetterUnhandled": [1]}
