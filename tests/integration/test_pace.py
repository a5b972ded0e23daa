"""A webhook with a pace: moments, what waits beyond five minutes, and its release."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, ago, failures
from tests.integration.test_telemetry import metrics, write_lines_too, written
from webhooks.clients import client
from webhooks.item_keys import event_key
from webhooks.times import rfc3339

EVENT = json.loads((Path(__file__).parent.parent / "events" / "eventbridge.json").read_text())
URL = "https://localhost:1/"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def publish(clock: Clock, *event_ids: str) -> None:
    from fanout.handler import lambda_handler

    clock.at += timedelta(milliseconds=1)
    data = EVENT["detail"]["data"]
    events = [
        {"event": "message.incoming", "account_id": "acme", "id": event_id, "data": data} for event_id in event_ids
    ]
    lambda_handler(EVENT | {"detail-type": "batch", "detail": {"events": events}}, None)


def release() -> None:
    from deliver.release import lambda_handler

    lambda_handler({}, None)


def numbers(first: int, last: int) -> list[str]:
    return [f"e{number:03}" for number in range(first, last)]


def test_what_comes_faster_is_delayed_and_the_others_are_not(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]]
) -> None:
    pipeline.webhook(URL, "wh_paced", max_per_second=2)
    pipeline.webhook(URL, "wh_slower", max_per_second=1)
    pipeline.webhook(URL, "wh_other")
    publish(clock, *numbers(0, 5))
    publish(clock, "e005")
    slower = {event_id: delay for webhook_id, event_id, delay in sent if webhook_id == "wh_slower"}
    assert slower == {"e000": 0, "e001": 1, "e002": 2, "e003": 3, "e004": 4, "e005": 5}
    paced = {event_id: delay for webhook_id, event_id, delay in sent if webhook_id == "wh_paced"}
    assert paced == {"e000": 0, "e001": 1, "e002": 1, "e003": 2, "e004": 2, "e005": 3}
    assert {delay for webhook_id, _, delay in sent if webhook_id == "wh_other"} == {0}
    clock.at += timedelta(minutes=1)
    sent.clear()
    publish(clock, "e006", "e007")
    assert [delay for webhook_id, _, delay in sent if webhook_id == "wh_paced"] == [0, 1], "a pause saves nothing up"


def test_a_moment_is_given_away_once_and_none_beyond_the_horizon(
    aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.tables import pace

    began = clock.at
    assert pace().take("wh_1", 3, 7) == began
    assert pace().take("wh_1", 299, 1) == began + timedelta(milliseconds=429), "three sevenths of a second"
    assert pace().take("wh_1", 1, 1) is None
    clock.at += timedelta(milliseconds=429)
    assert pace().take("wh_1", 1, 1) == began + timedelta(seconds=299, milliseconds=429)
    with aws_calls() as calls:
        assert pace().take("wh_2", 3001, 10) is None
    assert calls == {}, "they would never fit"
    assert pace().take("wh_2", 300, 1) == clock.at
    assert pace().batch(2) == 120, "a fifth of five minutes"
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=4))
    assert pace().batch(1) == 1


def test_a_pace_that_expires_while_a_moment_is_taken_begins_anew(
    aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.tables import pace

    assert pace().take("wh_1", 1, 1) == clock.at
    dynamodb, asked = client("dynamodb"), itertools.count(1)
    real = dynamodb.update_item

    def expires(**request: Any) -> Any:
        if next(asked) == 2:
            aws.dynamodb.delete_item(TableName=request["TableName"], Key=request["Key"])
        return real(**request)

    monkeypatch.setattr(dynamodb, "update_item", expires)
    assert pace().take("wh_1", 1, 1) == clock.at


def test_a_pace_costs_a_write_and_only_where_it_is_set(pipeline: Pipeline, clock: Clock) -> None:
    pipeline.webhook(URL, "wh_1")
    with aws_calls() as without:
        publish(clock, *numbers(0, 5))
    pipeline.webhook(URL, "wh_1", max_per_second=1000)
    with aws_calls() as paced:
        publish(clock, *numbers(5, 10))
    assert without == {"Query": 1, "read Query": 1, "PutItem": 5, "SendMessageBatch": 1}
    assert paced == without | {"UpdateItem": 1}


@pytest.mark.long
def test_what_waits_is_released_in_order_at_its_pace(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than fits the horizon: twenty seconds, not five minutes. A release every four seconds, not every minute."""
    horizon = timedelta(seconds=20)
    monkeypatch.setattr("webhooks.pace.HORIZON", horizon)
    pipeline.webhook(URL, max_per_second=1)
    began = clock.at
    for start in range(0, 45, 15):
        publish(clock, *numbers(start, start + 15))
    assert 15 <= len(sent) <= horizon.total_seconds()
    publish(clock, "later")  # behind what waits
    moments: dict[str, float] = {}
    while True:
        for _, event_id, delay in sent:
            moments[event_id] = round((clock.at - began).total_seconds()) + delay
            assert delay <= horizon.total_seconds()
        if len(moments) == 46:
            break
        assert clock.at - began < timedelta(seconds=50), f"{len(moments)} released"
        clock.at += timedelta(seconds=4)
        sent.clear()
        release()
    in_order = [moments[event_id] for event_id in [*numbers(0, 45), "later"]]
    assert in_order == sorted(in_order)
    assert all(later - earlier <= 2 for earlier, later in itertools.pairwise(in_order)), "a gap"
    assert in_order[-1] - in_order[0] == pytest.approx(45, abs=2)
    release()  # sees that nothing is left
    sent.clear()
    clock.at += horizon
    publish(clock, "again")
    assert [delay for _, _, delay in sent] == [0]
    with aws_calls() as calls:
        release()
    assert calls == {"Query": 1, "read Query": 0}, "nothing waits"


@pytest.fixture
def waiting(pipeline: Pipeline, clock: Clock) -> Callable[..., None]:
    def make(*event_ids: str) -> None:
        """The events are accepted while the next five minutes are full."""
        from webhooks.tables import pace

        assert pace().take("wh_1", 300, 1)
        publish(clock, *event_ids)

    return make


@pytest.mark.parametrize("call", ["send_message_batch", "batch_write_item", "update_item"])
def test_a_release_that_is_cut_off_is_made_up_for(
    pipeline: Pipeline,
    clock: Clock,
    sent: list[tuple[str, str, int]],
    waiting: Callable[..., None],
    call: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lines_too(monkeypatch)
    pipeline.webhook(URL, max_per_second=1)
    waiting("e1", "e2")
    written(capsys)
    clock.at += timedelta(minutes=1)
    used = client("sqs" if call.startswith("send") else "dynamodb")
    with monkeypatch.context() as broken:

        def fails(**_: Any) -> Any:
            raise TimeoutError(call)

        broken.setattr(used, call, fails)
        release()
    lines = written(capsys)
    assert [line["webhook_id"] for line in lines if line.get("message") == "release.our_fault"] == ["wh_1"]
    assert metrics(lines) == {"OurFault": [1]}
    clock.at += timedelta(minutes=1)
    release()
    assert {"message": "deliveries.released", "webhook_id": "wh_1", "messages": 2} in written(capsys)
    assert {event_id for _, event_id, _ in sent} == {"e1", "e2"}
    sent.clear()
    release()
    assert sent == [], "released, and not forgotten"


def test_what_sqs_refuses_waits_on(
    pipeline: Pipeline,
    clock: Clock,
    sent: list[tuple[str, str, int]],
    waiting: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lines_too(monkeypatch)
    pipeline.webhook(URL, max_per_second=1)
    waiting("e1", "e2", "e3")
    clock.at += timedelta(minutes=1)
    real = client("sqs").send_message_batch

    def refusing(**request: Any) -> Any:
        entries = request["Entries"]
        refused = [entry for entry in entries if entry["MessageAttributes"]["event_id"]["StringValue"] == "e2"]
        if taken := [entry for entry in entries if entry not in refused]:
            real(**request | {"Entries": taken})
        return {"Failed": [{"Id": entry["Id"]} for entry in refused]}

    with monkeypatch.context() as patched:
        patched.setattr(client("sqs"), "send_message_batch", refusing)
        release()
    lines = written(capsys)
    assert {"message": "deliveries.released", "webhook_id": "wh_1", "messages": 2} in lines
    (fault,) = [line for line in lines if line.get("message") == "release.our_fault"]
    assert fault["exception"].endswith("NotSent: 1 of 3 deliveries could not be queued")
    clock.at += timedelta(minutes=1)
    release()
    assert [event_id for _, event_id, _ in sent] == ["e1", "e3", "e2"]


def test_what_the_log_has_forgotten_meanwhile_is_said_to_be_so(
    pipeline: Pipeline,
    clock: Clock,
    sent: list[tuple[str, str, int]],
    waiting: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And not to be released; it waits no longer."""
    from webhooks.tables import waiting_deliveries

    write_lines_too(monkeypatch)
    pipeline.webhook(URL, max_per_second=1)
    waiting("e1", "e2", "e3")
    for event_id in ("e1", "e3"):
        pipeline.aws.dynamodb.delete_item(TableName=pipeline.aws.log_table, Key=event_key("acme", event_id))
    written(capsys)
    clock.at += timedelta(minutes=1)
    release()
    lines = written(capsys)
    assert {"message": "deliveries.released", "webhook_id": "wh_1", "messages": 1} in lines
    (expired,) = [line for line in lines if line.get("message") == "deliveries.expired"]
    assert (expired["level"], expired["webhook_id"], expired["messages"]) == ("WARNING", "wh_1", 2)
    assert metrics(lines) == {"Expired": [2]}
    assert [event_id for _, event_id, _ in sent] == ["e2"]
    assert waiting_deliveries().first("wh_1", limit=10) == []


@pytest.mark.long
def test_what_is_released_is_removed_in_few_calls(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], waiting: Callable[..., None]
) -> None:
    pipeline.webhook(URL, max_per_second=1)
    waiting(*numbers(0, 60))
    clock.at += timedelta(minutes=1)
    with aws_calls() as calls:
        release()
    assert len(sent) == 60
    assert calls["BatchWriteItem"] == 3, "25 at once"
    assert "DeleteItem" not in calls


def test_what_dynamodb_leaves_is_removed_by_asking_again(
    pipeline: Pipeline,
    clock: Clock,
    sent: list[tuple[str, str, int]],
    waiting: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline.webhook(URL, max_per_second=1)
    waiting(*numbers(0, 30))
    clock.at += timedelta(minutes=1)
    real = client("dynamodb").batch_write_item

    def in_part(**request: Any) -> Any:
        ((table, wanted),) = request["RequestItems"].items()
        real(RequestItems={table: wanted[:10]})
        return {"UnprocessedItems": {table: wanted[10:]} if wanted[10:] else {}}

    monkeypatch.setattr(client("dynamodb"), "batch_write_item", in_part)
    release()
    release()
    assert sorted(event_id for _, event_id, _ in sent) == numbers(0, 30), "each once"


def test_another_round_that_comes_to_wait_meanwhile_is_not_removed(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], waiting: Callable[..., None]
) -> None:
    """What is released has all its time to be attempted, and the log forgets it when it forgets its event."""
    from webhooks.tables import pace, waiting_deliveries

    pipeline.webhook(URL, max_per_second=1)
    waiting("e1")
    (first,) = waiting_deliveries().first("wh_1", limit=10)
    accepted = int(clock.at.timestamp())
    clock.at += timedelta(days=1)
    assert pace().schedule([replace(first, round=2, test=True)], 1) == [], "waits, too"
    month = 30 * 24 * 3600
    assert sorted(expiry(pipeline.aws)) == [accepted + month, accepted + month, int(clock.at.timestamp()) + month]
    waiting_deliveries().remove([first])
    (second,) = waiting_deliveries().first("wh_1", limit=10)
    assert second == replace(first, round=2, test=True, round_started_at=rfc3339(clock.at))
    assert (first.event, first.test, first.account_id) == ("message.incoming", False, "acme")


def expiry(aws: Aws) -> list[int]:
    """Of the webhook's pace, and of what waits because of it."""
    items = aws.dynamodb.query(
        TableName=aws.log_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "PACE#wh_1"}},
    )["Items"]
    return [int(item["expires_at"]["N"]) for item in items]


def test_an_event_that_comes_to_wait_while_the_last_is_released_is_not_missed(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], waiting: Callable[..., None]
) -> None:
    from webhooks.tables import waiting_deliveries

    pipeline.webhook(URL, max_per_second=1)
    assert waiting_deliveries().state("wh_1") is None, "nothing has ever waited"
    with aws_calls() as full:
        waiting("e1")
    state = waiting_deliveries().state("wh_1")
    assert state
    clock.at += timedelta(minutes=2)
    with aws_calls() as behind:
        publish(clock, "e2")
    assert behind["PutItem"] == 2, "the event, and what waits"
    assert full["UpdateItem"] - 1 == behind["UpdateItem"] == 2, "a moment is asked for once"
    assert not waiting_deliveries().finish(state)
    clock.at += timedelta(minutes=1)
    release()
    assert [event_id for _, event_id, _ in sent] == ["e1", "e2"]


@pytest.mark.parametrize(
    "change",
    [{"max_per_second": None}, {"status": "disabled"}, {"max_per_second": None, "slow_since": ago(60)}, None],
    ids=["no pace", "disabled", "slow", "deleted"],
)
def test_without_a_pace_all_is_released_at_once(
    pipeline: Pipeline,
    clock: Clock,
    sent: list[tuple[str, str, int]],
    waiting: Callable[..., None],
    change: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page after the other. That of a webhook which is disabled or deleted is cancelled by deliver."""
    monkeypatch.setattr("deliver.release._PAGE", 1)
    pipeline.webhook(URL, max_per_second=1)
    waiting("e1", "e2")
    if change is None:
        pipeline.config.delete_webhook("acme", "wh_1")
    else:
        pipeline.webhook(URL, **{"max_per_second": 1} | change)
    release()
    assert sorted(sent) == [("wh_1", "e1", 0), ("wh_1", "e2", 0)]
    aws = pipeline.aws
    queue = aws.retry_queue if change and "slow_since" in change else aws.delivery_queue
    assert len(aws.messages(queue)) == 2, "on its lane"
    release()
    assert len(sent) == 2


def test_more_webhooks_than_a_run_takes_come_when_others_are_done(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.tables import pace

    monkeypatch.setattr("deliver.release._WEBHOOKS", 1)
    for webhook_id in ("wh_1", "wh_2"):
        pipeline.webhook(URL, webhook_id, max_per_second=1)
        assert pace().take(webhook_id, 300, 1)
    publish(clock, "e1")
    clock.at += timedelta(minutes=1)
    release()
    assert len(sent) == 1
    release()
    assert {webhook_id for webhook_id, _, _ in sent} == {"wh_1", "wh_2"}


def test_a_run_that_cannot_do_all_does_not_leave_the_same_webhooks_each_time(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line is longer than all runs together, and each run has time for a page of one webhook."""
    from deliver.release import RELEASE_SECONDS
    from webhooks.tables import pace

    for webhook_id in ("wh_1", "wh_2"):
        pipeline.webhook(URL, webhook_id, max_per_second=1)
        assert pace().take(webhook_id, 300, 1)
    publish(clock, *numbers(0, 12))
    for webhook_id in ("wh_1", "wh_2"):
        pipeline.webhook(URL, webhook_id)
    monkeypatch.setattr("deliver.release._PAGE", 1)
    random.seed(0)
    for _ in range(10):
        moments = itertools.chain([0, 0, 0], itertools.repeat(RELEASE_SECONDS))
        monkeypatch.setattr("deliver.release.monotonic", moments.__next__)
        release()
    assert len(sent) == 10
    assert {webhook_id for webhook_id, _, _ in sent} == {"wh_1", "wh_2"}


def test_a_released_delivery_arrives_and_is_logged(
    pipeline: Pipeline, clock: Clock, receiver: Receiver, waiting: Callable[..., None]
) -> None:
    pipeline.webhook(receiver.url("/hook"), max_per_second=1)
    waiting("e1")
    pipeline.webhook(receiver.url("/hook"))
    release()
    assert pipeline.deliver() == [False]
    (post,) = receiver.received("/hook")
    assert post.headers["webhook-id"] == "e1"
    assert json.loads(post.body)["data"] == EVENT["detail"]["data"]


def test_recovery_keeps_to_the_pace(
    pipeline: Pipeline, clock: Clock, sent: list[tuple[str, str, int]], api: Api
) -> None:
    pipeline.webhook(URL, max_per_second=1)
    publish(clock, *numbers(0, 5))
    for message in [pipeline.message(event_id=id) for id in numbers(0, 5)]:
        event = pipeline.log.event("acme", message.event_id)
        assert event
        pipeline.logged(
            pipeline.message(event_id=message.event_id, accepted_at=event.accepted_at),
            status="failed",
            attempts=failures(4),
        )
    sent.clear()
    clock.at += timedelta(minutes=1)
    since = {"since": "2026-05-29T10:00:00Z"}
    answer = api.of_account("acme").post("/v1/webhooks/wh_1/recover", since)
    assert answer.json["enqueued"] == 5
    assert [(event_id, delay) for _, event_id, delay in sent] == list(zip(numbers(0, 5), range(5), strict=True))
