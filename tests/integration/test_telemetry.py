"""What the operator sees: metrics in CloudWatch's embedded format, and a line a unit of work."""

from __future__ import annotations

import importlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from logging.handlers import MemoryHandler
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, failures
from webhooks.clients import client
from webhooks.deliveries import Attempt
from webhooks.models import new_id
from webhooks.telemetry import count, flush, logger
from webhooks.times import now, parse_time, rfc3339

DATA = {"message_id": "m", "whatsapp_account_id": "w", "text": "a private matter"}


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def write_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    To what `capsys` reads: their handler keeps the stream that there was when it was made. Drops the lines that an earlier
    test left unwritten.
    """
    (buffer,) = logger.logger.handlers
    assert isinstance(buffer, MemoryHandler)
    buffer.buffer.clear()
    monkeypatch.setattr(buffer.target, "stream", sys.stdout)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics(lines: list[dict[str, Any]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in lines:
        for group in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert group["Dimensions"] == [["service"]], "each further combination would be billed"
            for metric in group["Metrics"]:
                value = line[metric["Name"]]
                found.setdefault(metric["Name"], []).extend(value if isinstance(value, list) else [value])
    return found


def test_deliveries_are_counted_and_timed(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    for id in ("evt_1", "evt_2"):
        day_ago = rfc3339(now() - timedelta(days=1))
        pipeline.deliver(pipeline.message(event_id=id, accepted_at=day_ago, queue="delivery"))
    counted = metrics(written(capsys))
    assert counted["Delivered"] == counted["DeliveryLaneAttempts"] == [1.0, 1.0]
    assert all(0 < latency - 24 * 3_600_000 < 30_000 for latency in counted["DeliveryLatency"])
    assert len(counted["DeliveryLatency"]) == 2


def test_first_attempts_are_counted_with_the_late_ones_if_the_service_level_is_measured(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    at = {seconds: rfc3339(now() - timedelta(seconds=seconds)) for seconds in (0, 25, 40, 60)}
    pipeline.deliver(pipeline.message(event_id="evt_unmeasured", accepted_at=at[40]))
    assert "FirstAttempts" not in metrics(written(capsys))

    monkeypatch.setenv("FIRST_ATTEMPT_SECONDS", "30")
    for seconds, accepted_at in at.items():
        pipeline.deliver(pipeline.message(event_id=f"evt_{seconds}", accepted_at=accepted_at))
    counted = metrics(written(capsys))
    assert counted["FirstAttempts"] == [1, 1, 1, 1]
    assert counted["LateFirstAttempts"] == [0, 0, 1, 1], (
        "also none is written: CloudWatch divides by hours that have both"
    )


@pytest.mark.parametrize(("waited", "late"), [(30, 0), (30.001, 1)])
def test_a_first_attempt_is_late_after_its_seconds_to_the_millisecond(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, waited: float, late: int
) -> None:
    from deliver.service_level import count_first_attempt

    monkeypatch.setenv("FIRST_ATTEMPT_SECONDS", "30")
    message = pipeline.message()
    begun = rfc3339(parse_time(message.accepted_at) + timedelta(seconds=waited))
    count_first_attempt(message, Attempt(1, 1, begun, 20, status_code=200))
    flush()
    assert metrics(written(capsys)) == {"FirstAttempts": [1], "LateFirstAttempts": [late]}


def test_only_what_waits_for_us_is_a_first_attempt(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a retry, not what a person sent again, and not what a pace held back."""
    monkeypatch.setenv("FIRST_ATTEMPT_SECONDS", "30")
    long_ago = rfc3339(now() - timedelta(seconds=60))
    pipeline.webhook(receiver.url("/hook"))
    retried = pipeline.message(event_id="evt_retried", accepted_at=long_ago)
    pipeline.logged(retried, status="retrying", attempts=failures(1))
    again = pipeline.message(event_id="evt_again", accepted_at=long_ago, round=2)
    pipeline.webhook(receiver.url("/paced"), id="wh_paced", max_per_second=10)
    paced = pipeline.message(event_id="evt_paced", accepted_at=long_ago, webhook_id="wh_paced")
    pipeline.deliver(retried, again, paced)
    counted = metrics(written(capsys))
    assert sum(counted["Delivered"]) == 3
    assert "FirstAttempts" not in counted


def test_an_attempts_line_is_short_and_says_what_is_unusual(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of ten with ids as this service makes them, and its metrics; then a retry that fails."""
    write_lines_too(monkeypatch)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "AisouleWebhooks")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "deliver")
    webhook_id = new_id("wh")
    pipeline.webhook(receiver.url("/hook"), id=webhook_id)
    at = rfc3339(now())
    messages = [
        pipeline.message(webhook_id=webhook_id, event_id=new_id("evt"), accepted_at=at, queue="delivery")
        for _ in range(10)
    ]
    pipeline.deliver(*messages)
    text = capsys.readouterr().out
    *attempted, metrics_line = map(json.loads, text.splitlines())
    assert all(line.keys() == {"event_id", "webhook_id", "ms"} for line in attempted)
    assert {line["event_id"] for line in attempted} == {message.event_id for message in messages}
    assert metrics_line["Delivered"] == len(metrics_line["DeliveryLatency"]) == 10
    assert len(text) <= 10 * 150, "bytes of a delivery on average, with its share of the metrics"
    receiver.answer("/hook", Answer(503, headers={"Retry-After": "120"}))
    retried = pipeline.message(webhook_id=webhook_id, round=2)
    pipeline.logged(retried, status="retrying", round=2, attempts=failures(1, round=2))
    pipeline.deliver(retried)
    (line,) = [line for line in written(capsys) if "ms" in line]
    assert {name: line[name] for name in line.keys() - {"event_id", "webhook_id", "ms"}} == {
        "round": 2, "lane": "retry", "number": 2, "status_code": 503, "error_code": "status", "retry_after": 120,
    }  # fmt: skip


def test_a_line_leaves_out_its_time_function_and_what_goes_without_saying(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for warnings and errors: Lambda takes a line without a time for INFO, whatever its level says."""
    write_lines_too(monkeypatch)
    logger.info("call.answered", status=200)
    logger.info("event.fanned_out", webhooks=0, unsent=0)
    logger.warning("mail.unanswered", code="Throttled")
    logger.error("message.unreadable", message_id="m")
    flush()
    lines = written(capsys)
    times = [parse_time(line.pop("timestamp")) for line in lines if "timestamp" in line]
    assert lines == [
        {"message": "call.answered", "status": 200},
        {"message": "event.fanned_out", "webhooks": 0},
        {"level": "WARNING", "message": "mail.unanswered", "code": "Throttled"},
        {"level": "ERROR", "message": "message.unreadable", "message_id": "m"},
    ]
    assert len(times) == 2
    assert all(timedelta() <= now() - at < timedelta(minutes=1) for at in times)


def test_a_retry_by_hand_has_no_latency(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    pipeline.deliver(pipeline.message(round=2))
    assert set(metrics(written(capsys))) == {"Delivered", "RetryLaneAttempts"}


@pytest.mark.parametrize(
    ("url", "answer", "cause"),
    [
        (None, Answer(204), "FailedStatus"),
        (None, Answer(302, headers={"Location": "/"}), "FailedStatus"),
        ("https://localhost:1/", None, "FailedConnection"),
        ("https://10.0.0.5/", None, "FailedAddress"),
        ("https://nowhere.invalid/", None, "FailedDNS"),
        ("http://example.com/", None, "FailedAddress"),
    ],
)
def test_failed_attempts_are_counted_by_cause(
    pipeline: Pipeline,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
    url: str | None,
    answer: Answer | None,
    cause: str,
) -> None:
    if answer:
        receiver.answer("/hook", answer)
    pipeline.webhook(url or receiver.url("/hook"))
    pipeline.deliver(pipeline.message())
    slow = {"SlowLaneEntered": [1.0]} if cause in ("FailedConnection", "FailedDNS") else {}
    assert metrics(written(capsys)) == {cause: [1.0], "RetryLaneAttempts": [1.0]} | slow


def test_what_is_cancelled_exhausted_and_given_up(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines_too(monkeypatch)

    def reported() -> tuple[dict[str, list[float]], list[tuple[str, str]]]:
        lines = written(capsys)
        return metrics(lines), [(line["message"], line["event_id"]) for line in lines if "event_id" in line]

    pipeline.webhook("https://localhost:1/", status="disabled")
    pipeline.deliver(pipeline.message(event_id="evt_1"))
    assert reported() == ({"Cancelled": [1.0]}, [("delivery.cancelled", "evt_1")])
    pipeline.webhook("https://localhost:1/")
    for id in ("evt_2", "evt_3"):  # the second, when the webhook is failing already
        message = pipeline.message(event_id=id)
        pipeline.logged(message, status="retrying", attempts=failures(4))
        pipeline.process_dead_letters(message)
        failing = [("webhook.failing", id)] if id == "evt_2" else []
        assert reported() == ({"Exhausted": [1.0]}, [("delivery.failed", id), *failing])
    pipeline.process_dead_letters(pipeline.message(event_id="evt_4", round_started_at="2026-05-29T10:30:00.000Z"))
    assert reported() == ({"GivenUp": [1.0]}, [("delivery.given_up", "evt_4")])
    pipeline.process_dead_letters(pipeline.message(event_id="evt_5"))
    assert reported() == ({"Requeued": [1.0]}, [("delivery.requeued", "evt_5")])


def test_webhooks_that_change_lanes_are_counted(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook("https://localhost:1/")
    pipeline.deliver(pipeline.message(event_id="evt_1"))
    assert metrics(written(capsys))["SlowLaneEntered"] == [1.0]
    pipeline.webhook(receiver.url("/hook"), slow_since=rfc3339(now()))
    pipeline.deliver(pipeline.message(event_id="evt_2"))
    assert metrics(written(capsys))["SlowLaneLeft"] == [1.0]


def test_messages_whose_visibility_sqs_refuses_twice_are_counted(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = client("sqs")
    real = sqs.change_message_visibility_batch

    def refusing_the_first(**request: Any) -> Any:
        refused, *others = request["Entries"] if len(request["Entries"]) == 3 else (request["Entries"][0],)
        if others:
            real(**request | {"Entries": others})
        return {"Failed": [{"Id": refused["Id"], "Code": "InternalError"}]}

    monkeypatch.setattr(sqs, "change_message_visibility_batch", refusing_the_first)
    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    pipeline.deliver(*(pipeline.message(event_id=f"evt_{number}") for number in range(3)))
    assert metrics(written(capsys))["VisibilityUnset"] == [1.0]


def test_when_sqs_stops_answering_it_is_not_asked_again_and_the_rest_is_counted(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 22 messages in calls of ten: they keep the queue's own timeout."""
    from deliver.visibility import set_visibility

    write_lines_too(monkeypatch)
    sqs, calls = client("sqs"), []
    real = sqs.change_message_visibility_batch

    def answering_once(**request: Any) -> Any:
        calls.append(request)
        if len(calls) > 1:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "ChangeMessageVisibilityBatch")
        answer: Any = real(**request)
        assert answer.pop("Failed", []) == []  # an empty list, which SQS may leave out
        return answer

    monkeypatch.setattr(sqs, "change_message_visibility_batch", answering_once)
    records = pipeline.receive(*(pipeline.message(event_id=f"evt_{number}") for number in range(22)))
    set_visibility(sqs, pipeline.aws.retry_queue, [(record, now()) for record in records])
    flush()
    lines = written(capsys)
    assert len(calls) == 2
    assert metrics(lines) == {"VisibilityUnset": [12.0]}
    assert [line["message"] for line in lines if "level" in line] == ["visibility.unset"]


def test_our_own_fault_is_counted(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook("https://localhost:1/")
    records = pipeline.receive(pipeline.message())
    monkeypatch.setenv("CONFIG_TABLE", "absent")
    from deliver.handler import lambda_handler

    lambda_handler({"Records": records}, None)
    assert metrics(written(capsys)) == {"OurFault": [1.0]}


@pytest.mark.parametrize(("name", "line"), [("release", "release.our_fault"), ("erase", "erasure.our_fault")])
def test_a_list_of_what_is_due_that_cannot_be_read_is_our_fault(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, line: str
) -> None:
    """Nobody would hear of an error of the function itself: its invocations are not repeated, and kept nowhere."""
    write_lines_too(monkeypatch)
    monkeypatch.setattr(client("dynamodb"), "query", _unanswered)
    importlib.import_module(f"deliver.{name}").lambda_handler({}, None)
    lines = written(capsys)
    assert [(each["message"], each["exception_name"]) for each in lines if "level" in each] == [(line, "TimeoutError")]
    assert metrics(lines) == {"OurFault": [1]}


def _unanswered(**_: Any) -> Any:
    raise TimeoutError


def test_events_are_counted_as_accepted_or_rejected(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that nobody wants are neither: a line of metrics for each would cost as much as its log line."""
    from fanout.handler import lambda_handler

    event = {"id": "0f6d", "time": "2026-05-29T10:30:00Z", "detail-type": "message.incoming"}
    lambda_handler(event | {"detail": {"account_id": "acme", "data": DATA}}, None)
    assert metrics(written(capsys)) == {}
    pipeline.webhook("https://localhost:1/")
    lambda_handler(event | {"detail": {"account_id": "acme", "data": DATA}}, None)
    assert metrics(written(capsys)) == {"Accepted": [1.0]}
    lambda_handler(event | {"detail": {"account_id": "acme", "data": {}}}, None)
    assert metrics(written(capsys)) == {"Rejected": [1.0]}


def test_an_event_that_lambda_repeats_is_counted_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first try stored the event, then failed."""
    from fanout.handler import lambda_handler
    from webhooks.queues import delivery_queues

    pipeline.webhook("https://localhost:1/")

    event: dict[str, Any] = {"id": "0f6d", "time": "2026-05-29T10:30:00Z", "detail-type": "message.incoming"}
    event["detail"] = {"account_id": "acme", "data": DATA}
    with monkeypatch.context() as broken:
        broken.setenv("DELIVERY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/absent")
        delivery_queues.cache_clear()
        with pytest.raises(ClientError):
            lambda_handler(event, None)
    delivery_queues.cache_clear()
    lambda_handler(event, None)
    assert metrics(written(capsys)) == {"Accepted": [1.0]}


class Switching(str):
    """A metric's name that lets another thread run between looking its count up and writing it back."""

    def __hash__(self) -> int:
        time.sleep(0.001)
        return super().__hash__()


def test_metrics_that_threads_add_at_once_are_all_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def add(_: int) -> None:
        for _ in range(5):
            count(Switching("Delivered"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    flush()
    assert metrics(written(capsys))["Delivered"] == [20]


def test_one_event_is_followed_by_its_id_and_nothing_private_is_told(
    pipeline: Pipeline, api: Api, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """What `filter event_id = …` finds, over the logs of all functions."""
    from fanout.handler import lambda_handler

    receiver.answer("/hook", Answer(500, body=b"a private answer"))
    webhook = pipeline.webhook(receiver.url("/hook"), headers={"X-Api-Key": "of-the-customer"})
    platform = api.of_platform()
    event = {"account_id": "acme", "event": "message.incoming", "id": "evt_1", "data": DATA}
    assert platform.post("/v1/events", event).status == 202
    detail = {"account_id": "acme", "id": "evt_1", "data": DATA}
    lambda_handler({"id": "0f", "time": rfc3339(now()), "detail-type": "message.incoming", "detail": detail}, None)
    pipeline.deliver()
    lines = [vars(record) for record in caplog.records if record.name in ("test", "deliveries")]
    followed = [line["msg"] for line in lines if line.get("event_id") == "evt_1"]
    text = str(lines)
    assert followed == ["call.answered", "event.fanned_out", "delivery.attempted"]
    assert platform.token is not None
    for private in ("private", "of-the-customer", webhook.secret, webhook.secret[6:], platform.token.split(".")[1]):
        assert private not in text
