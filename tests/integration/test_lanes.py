"""The two lanes: first attempts on the delivery queue; retries, and everything of slow webhooks, on the retry queue."""

from __future__ import annotations

import socket
import threading
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from deliver.schedule import Post, Schedule
from deliver.snapshots import Snapshot
from local.receiver import Answer, Receiver
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, ago, failures, kept
from tests.integration.test_telemetry import metrics, written
from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage, from_record
from webhooks.times import now, parse_time, rfc3339

URL = "https://localhost:1/hook"
Sent = list[tuple[str, dict[str, Any]]]
"""Queue and entry of each message sent."""


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Sent:
    """What the functions send, as they send it: a queue shows a delayed message to nobody."""
    from webhooks.clients import client

    sqs = client("sqs")
    seen: Sent = []
    real = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        seen.extend((request["QueueUrl"], entry) for entry in request["Entries"])
        return real(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen


def received(entry: dict[str, Any]) -> DeliveryMessage:
    """What deliver reads from a message that was sent."""
    attributes = {
        name: {"stringValue": value["StringValue"], "dataType": "String"}
        for name, value in entry["MessageAttributes"].items()
    }
    return from_record({"messageId": "new", "body": entry["MessageBody"], "messageAttributes": attributes}, "retry")


def test_a_failed_first_attempt_moves_to_the_retry_queue_for_its_time(
    pipeline: Pipeline, receiver: Receiver, sent: Sent
) -> None:
    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(queue="delivery", test=True)
    assert pipeline.deliver(message) == [False]
    ((queue, entry),) = sent
    assert (queue, entry["MessageGroupId"]) == (pipeline.aws.retry_queue, "wh_1")
    assert 9 <= entry["DelaySeconds"] <= 10
    delivery, moved = pipeline.delivery(message), received(entry)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts)) == ("retrying", 1)
    assert (moved.not_before, moved.takes_over) == (delivery.next_attempt_at, delivery.message_id)
    assert moved.takes_over is not None
    assert (moved.body, moved.key(), moved.round, moved.test) == (message.body, message.key(), 1, True)


def test_the_moved_message_makes_the_next_attempt_when_it_is_due(
    pipeline: Pipeline, receiver: Receiver, sent: Sent
) -> None:
    """It is no copy of the one that failed: it does not wait longer."""
    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(queue="delivery")
    pipeline.deliver(message)
    delivery = pipeline.delivery(message)
    assert delivery is not None
    due = rfc3339(now() - timedelta(seconds=0.1))
    pipeline.log.save(replace(delivery, next_attempt_at=due))
    receiver.answer("/hook", Answer(200))
    ((_, entry),) = sent
    entry["MessageAttributes"]["not_before"]["StringValue"] = due
    request = {name: value for name, value in entry.items() if name != "Id"} | {"DelaySeconds": 0}
    pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.retry_queue, **request)
    assert pipeline.deliver() == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, [attempt.number for attempt in delivery.attempts]) == ("delivered", [1, 2])


def test_a_crash_between_moving_and_acknowledging_makes_a_copy_that_waits_for_the_others_attempt(
    pipeline: Pipeline, receiver: Receiver, sent: Sent
) -> None:
    from deliver.handler import lambda_handler

    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    records = pipeline.receive(pipeline.message(queue="delivery"))
    for _ in range(2):  # the second time because the first acknowledgement was lost
        assert kept(records, lambda_handler({"Records": records}, None)) == [False]
    assert len(receiver.received("/hook")) == 1
    (_, first), (_, copy) = sent
    apart = parse_time(str(received(copy).not_before)) - parse_time(str(received(first).not_before))
    assert apart == timedelta(seconds=10)


@pytest.mark.usefixtures("stopped_clock")
def test_what_cannot_be_moved_stays_and_moves_the_next_time(
    pipeline: Pipeline,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from deliver.handler import lambda_handler
    from webhooks.clients import client

    def refusing(**request: Any) -> Any:
        refused = [entry for entry in request["Entries"] if received(entry).event_id != "evt_1"]
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in refused]}

    def failing(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessageBatch")

    def hiding(**request: Any) -> Any:
        hidden.extend(request["Entries"])
        return {}

    hidden: list[Any] = []
    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    messages = [pipeline.message(event_id=f"evt_{number}", queue="delivery") for number in (1, 2, 3)]
    records = pipeline.receive(*messages)
    monkeypatch.setattr(client("sqs"), "change_message_visibility_batch", hiding)
    for broken, stays, line in (
        (refusing, [False, True, True], {"msg": "delivery.not_moved", "messages": 2}),
        (failing, [True, True, True], {"msg": "delivery.our_fault"}),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(client("sqs"), "send_message_batch", broken)
            assert kept(records, lambda_handler({"Records": records}, None)) == stays
        assert metrics(written(capsys))["OurFault"] == [1]
        assert [entry["VisibilityTimeout"] for entry in hidden] == [10] * sum(stays)
        assert line.items() <= vars(caplog.records[-1]).items()
        hidden.clear()
    assert kept(records, lambda_handler({"Records": records}, None)) == [False] * 3
    assert len(receiver.received("/hook")) == 3


def test_the_first_attempt_of_a_slow_webhook_moves_unattempted(
    pipeline: Pipeline, receiver: Receiver, sent: Sent
) -> None:
    pipeline.webhook(receiver.url("/hook"), slow_since=ago(60))
    message = pipeline.message(queue="delivery")
    assert pipeline.deliver(message) == [False]
    assert receiver.received("/hook") == []
    assert pipeline.delivery(message) is None
    ((queue, entry),) = sent
    assert (queue, entry["DelaySeconds"], received(entry).not_before) == (pipeline.aws.retry_queue, 0, None)
    assert pipeline.deliver() == [False]
    assert len(receiver.received("/hook")) == 1


@pytest.mark.long
def test_an_endpoint_that_takes_a_second_is_marked_while_it_is_under_way(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    receiver.answer("/hook", Answer(200, seconds=3))
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(queue="delivery")
    assert pipeline.deliver(message) == [False]
    delivery, webhook = pipeline.delivery(message), pipeline.stored()
    assert delivery is not None
    assert delivery.status == "delivered"
    assert webhook.slow_since is not None
    began, ended = parse_time(delivery.attempts[0].at), delivery.attempts[0].ended()
    assert began + timedelta(seconds=0.9) <= parse_time(webhook.slow_since) < ended
    assert webhook.version == 1, "it is no edit"


@pytest.mark.parametrize("answer", [Answer(500), Answer(200)])
def test_an_endpoint_that_answers_at_once_is_not_slow_whatever_it_answers(
    pipeline: Pipeline, receiver: Receiver, answer: Answer
) -> None:
    receiver.answer("/hook", answer)
    pipeline.webhook(receiver.url("/hook"))
    pipeline.deliver(pipeline.message(queue="delivery"))
    assert pipeline.stored().slow_since is None


def lane_changes(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """As the operator reads of them."""
    lines = [vars(record) for record in caplog.records if record.msg == "webhook.lane_changed"]
    return [(line["account_id"], line["webhook_id"], line["lane"]) for line in lines]


def test_an_endpoint_that_cannot_be_connected_to_is_slow(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.webhook(URL)
    pipeline.deliver(pipeline.message(queue="delivery"))
    assert pipeline.stored().slow_since is not None
    assert lane_changes(caplog) == [("acme", "wh_1", "retry")]


def test_a_200_within_a_second_ends_it(
    pipeline: Pipeline, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.webhook(receiver.url("/hook"), slow_since=ago(60))
    pipeline.deliver(pipeline.message())
    webhook = pipeline.stored()
    assert webhook.slow_since is None
    assert webhook.prompt_since is not None
    assert lane_changes(caplog) == [("acme", "wh_1", "delivery")]


def test_one_that_wavers_stays_in_its_lane_at_most_prompt_answers(pipeline: Pipeline, receiver: Receiver) -> None:
    """It was prompt two minutes ago, and slow again a minute ago. `evt_1` is not the one in twenty that ends it."""
    assert zlib.crc32(b"evt_1") % 20
    pipeline.webhook(receiver.url("/hook"), slow_since=ago(60), prompt_since=ago(120))
    message = pipeline.message()
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().lane) == ("delivered", "retry")


def test_a_mark_is_written_at_the_change_only(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from webhooks.clients import client

    dynamodb, writes = client("dynamodb"), []
    real = dynamodb.update_item

    def recording(**request: Any) -> Any:
        writes.append(request)
        return real(**request)

    monkeypatch.setattr(dynamodb, "update_item", recording)
    pipeline.webhook(URL)
    pipeline.deliver(*(pipeline.message(event_id=f"evt_{number}") for number in range(5)))
    pipeline.deliver(*(pipeline.message(event_id=f"evt_{number}") for number in range(5, 10)))
    assert len(writes) == 1


def test_a_mark_that_cannot_be_written_costs_no_delivery(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from webhooks.clients import client

    def throttled(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

    monkeypatch.setattr(client("dynamodb"), "update_item", throttled)
    pipeline.webhook(URL)
    message = pipeline.message(queue="delivery")
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.attempts[0].error_code == "connection_refused"


def test_a_mark_that_is_refused_leaves_the_batchs_other_webhooks_to_be_marked(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when it meets the transaction that marks the webhook as failing."""
    from webhooks.clients import client

    real = client("dynamodb").update_item

    def refusing_the_first(**request: Any) -> Any:
        if request["Key"]["sk"]["S"] == "WEBHOOK#wh_0":
            raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
        return real(**request)

    monkeypatch.setattr(client("dynamodb"), "update_item", refusing_the_first)
    webhooks = [f"wh_{number}" for number in range(9)]
    for webhook in webhooks:
        pipeline.webhook(URL, webhook)
    pipeline.deliver(*(pipeline.message(webhook, queue="delivery") for webhook in webhooks))
    assert [pipeline.stored(webhook).lane for webhook in webhooks] == ["delivery"] + ["retry"] * 8
    (line,) = [vars(record) for record in caplog.records if record.msg == "lane.unmarked"]
    assert line["webhook_id"] == "wh_0"


def test_after_a_mark_that_got_no_answer_its_batch_makes_no_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would take two seconds, which are a tenth of what the function has."""
    from deliver.lanes import LaneMarks
    from webhooks.clients import client
    from webhooks.tables import webhook_marks

    tried: list[str] = []

    def no_answer(**request: Any) -> Any:
        tried.append(request["Key"]["sk"]["S"])
        raise ReadTimeoutError(endpoint_url=URL)

    monkeypatch.setattr(client("dynamodb"), "update_item", no_answer)
    webhooks = [pipeline.webhook(URL, f"wh_{number}") for number in range(3)]
    refused = Attempt(1, 1, ago(0), 20, error="no", error_code="connection_refused")
    for _ in range(2):
        lanes = LaneMarks(webhook_marks())
        for webhook in webhooks:
            lanes.mark_after(webhook, refused, "evt_1")
    assert tried == ["WEBHOOK#wh_0"] * 2


def test_an_attempt_is_overdue_after_a_second_and_not_before(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deliver.lanes import LaneMarks
    from webhooks.tables import webhook_marks

    at = 100.0
    monkeypatch.setattr("deliver.lanes.monotonic", lambda: at)
    webhook = pipeline.webhook(URL)
    lanes = LaneMarks(webhook_marks())
    with lanes.attempting(webhook):
        at = 100.999
        lanes.mark_overdue()
        assert pipeline.stored().slow_since is None
        at = 101.0
        lanes.mark_overdue()
        assert pipeline.stored().slow_since is not None


@pytest.mark.parametrize("lane", ["delivery", "retry"])
@pytest.mark.parametrize("recorded", [0, 1])
def test_disabling_cancels_on_both(pipeline: Pipeline, lane: Any, recorded: int) -> None:
    pipeline.webhook(URL, status="disabled")
    message = pipeline.message(queue=lane)
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=ago(1))
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.status == "cancelled"


def test_more_than_ten_retries_of_one_batch_all_come_back_in_time(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS takes ten changes of visibility in a call, and a batch of retries is larger."""
    from webhooks.clients import client

    sqs, calls = client("sqs"), []
    real = sqs.change_message_visibility_batch

    def recording(**request: Any) -> Any:
        calls.append(request)
        return real(**request)

    monkeypatch.setattr(sqs, "change_message_visibility_batch", recording)
    pipeline.webhook(URL)
    assert pipeline.deliver(*(pipeline.message(event_id=f"evt_{number}") for number in range(25))) == [True] * 25
    assert [len(call["Entries"]) for call in calls] == [10, 10, 5]
    assert {entry["VisibilityTimeout"] for call in calls for entry in call["Entries"]} <= {8, 9, 10}


def test_fanout_routes_by_the_mark(pipeline: Pipeline, sent: Sent) -> None:
    from fanout.handler import lambda_handler

    pipeline.webhook(URL, "wh_1")
    pipeline.webhook(URL, "wh_2", slow_since=ago(60))
    data = {"message_id": "m", "whatsapp_account_id": "w"}
    bus_event = {"id": "0f", "time": rfc3339(now()), "detail-type": "message.incoming"}
    lambda_handler(bus_event | {"detail": {"account_id": "acme", "data": data}}, None)
    assert [(queue, entry["MessageGroupId"]) for queue, entry in sent] == [
        (pipeline.aws.delivery_queue, "acme"),
        (pipeline.aws.retry_queue, "wh_2"),
    ]


def test_what_the_version_before_left_on_the_delivery_queue_goes_on_with_its_schedule(
    pipeline: Pipeline, sent: Sent
) -> None:
    """There it waited for its retry, hidden: when it is shown it moves, and is attempted on the retry queue."""
    pipeline.webhook(URL)
    message = pipeline.message(queue="delivery")
    records = pipeline.receive(message)
    own = from_record(records[0], "delivery").id
    due = rfc3339(now() + timedelta(seconds=30))
    pipeline.logged(message, status="retrying", attempts=failures(2), next_attempt_at=due, message_id=own)
    from deliver.handler import lambda_handler

    assert kept(records, lambda_handler({"Records": records}, None)) == [False]
    ((queue, entry),) = sent
    moved = received(entry)
    assert (queue, moved.not_before) == (pipeline.aws.retry_queue, due)
    snapshot = Snapshot.of(moved, pipeline.stored(), pipeline.delivery(message))
    decision = Schedule((10, 60, 300)).decide(snapshot, parse_time(due))
    assert decision == Post(pipeline.stored(), parse_time(due)), "it is no copy, which would wait longer"


def test_a_copy_in_the_same_batch_does_not_take_the_turn_of_the_message_that_is_due(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    from deliver.handler import lambda_handler

    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    copy, own = pipeline.receive(message, message)
    own_id = from_record(own, "retry").id
    due = rfc3339(now() - timedelta(seconds=1))
    pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=due, message_id=own_id)
    assert kept([copy, own], lambda_handler({"Records": [copy, own]}, None)) == [False, False]
    assert len(receiver.received("/hook")) == 1


@pytest.mark.long
def test_names_that_hang_hold_up_nobody_in_a_batch_of_retries(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if b"slow-dns" in (host if isinstance(host, bytes) else host.encode()):
            hanging.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "too late")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    messages = []
    for number in range(40):
        url = receiver.url(f"/{number}") if number >= 34 else f"https://slow-dns-{number}.example/"
        pipeline.webhook(url, f"wh_{number}")
        messages.append(pipeline.message(f"wh_{number}"))
    pipeline.deliver(*messages)
    hanging.set()
    prompt = [pipeline.delivery(message) for message in messages[34:]]
    assert [delivery and delivery.status for delivery in prompt] == ["delivered"] * 6
    assert [pipeline.stored(f"wh_{number}").lane for number in range(34, 40)] == ["delivery"] * 6
