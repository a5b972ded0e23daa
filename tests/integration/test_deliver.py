"""The deliver table of the design, row by row, and whose fault is whose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from math import ceil
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from requests.adapters import HTTPAdapter
from standardwebhooks import Webhook as Verifier

from local.receiver import Answer, Receiver
from tests.integration.conftest import Aws, Clock
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, ago, failures, put_items, record_of
from tests.integration.test_telemetry import metrics, written
from webhooks.deliveries import Delivery
from webhooks.items import delivery_item
from webhooks.messages import DeliveryMessage, from_record
from webhooks.models import Lane
from webhooks.operational_events import MAX_COUNTED
from webhooks.signing import new_secret
from webhooks.times import now, parse_time, rfc3339

BEFORE, LATER = "2026-05-29T10:30:00.000Z", "2026-05-29T10:40:00.000Z"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def visibility(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> dict[str, int]:
    """What deliver sets, by receipt handle: moto does not tell a message's remaining time."""
    from webhooks.clients import client

    sqs, seen = client("sqs"), {}
    real = sqs.change_message_visibility_batch

    def recording(**request: Any) -> Any:
        seen.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in request["Entries"]})
        return real(**request)

    monkeypatch.setattr(sqs, "change_message_visibility_batch", recording)
    return seen


def hidden_until_due(pipeline: Pipeline, message: DeliveryMessage, clock: Clock, delay: int) -> int:
    """The seconds that SQS has to hide it, whole ones, for its next attempt to be `delay` after the last one."""
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.next_attempt_at is not None
    due = parse_time(delivery.next_attempt_at)
    assert timedelta(0) <= due - delivery.attempts[-1].ended() - timedelta(seconds=delay) < timedelta(milliseconds=5)
    return ceil((due - clock.at).total_seconds())


def dead_letters(pipeline: Pipeline) -> list[tuple[str, str]]:
    """The keys of the messages on the dead-letter queue."""
    records = [record_of(received) for received in pipeline.aws.messages(pipeline.aws.dead_letter_queue)]
    return [from_record(record, "retry").key() for record in records]


def test_a_200_is_delivered_and_acknowledged(pipeline: Pipeline, receiver: Receiver) -> None:
    webhook = pipeline.webhook(receiver.url("/hook"), headers={"X-Api-Key": "k"})
    message = pipeline.message()
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, delivery.next_attempt_at) == ("delivered", None)
    assert [(a.number, a.round, a.status_code, a.error, a.response_body) for a in delivery.attempts] == [
        (1, 1, 200, None, "ok")
    ]
    (posted,) = receiver.received("/hook")
    assert posted.body == message.body.encode()
    assert posted.headers["x-api-key"] == "k"
    Verifier(webhook.secret).verify(posted.body, dict(posted.headers))


@pytest.mark.parametrize("status", [200, 500])
def test_an_attempt_costs_one_read_and_one_write(pipeline: Pipeline, receiver: Receiver, status: int) -> None:
    receiver.answer("/hook", Answer(status))
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    with aws_calls() as calls:
        pipeline.deliver(message)
    assert (calls["BatchGetItem"], calls["PutItem"], calls["UpdateItem"]) == (1, 1, 0)


def test_a_failure_is_logged_and_waits_for_its_time(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int], stopped_clock: Clock
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500, body=b"x" * 5000))
    message = pipeline.message()
    assert pipeline.deliver(message) == [True]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    (attempt,) = delivery.attempts
    assert (delivery.status, attempt.error, attempt.response_body) == (
        "retrying",
        "answered 500, expected 200",
        "x" * 1024,
    )
    assert list(visibility.values()) == [hidden_until_due(pipeline, message, stopped_clock, 10)]
    assert pipeline.stored().status == "active"


@pytest.mark.parametrize(("recorded", "delay"), [(1, 60), (2, 300)])
def test_each_retry_waits_longer(
    pipeline: Pipeline,
    receiver: Receiver,
    visibility: dict[str, int],
    stopped_clock: Clock,
    recorded: int,
    delay: int,
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=ago(0))
    assert pipeline.deliver(message) == [True]
    assert list(visibility.values()) == [hidden_until_due(pipeline, message, stopped_clock, delay)]


@pytest.mark.parametrize(("status", "recorded", "asked", "wait"), [(503, 1, 200, 200), (429, 2, 100_000, 900)])
def test_an_endpoint_that_asks_for_it_is_left_alone_longer(
    pipeline: Pipeline, receiver: Receiver, aws: Aws, status: int, recorded: int, asked: int, wait: int
) -> None:
    """The retry waits as a delayed message in the place of this one; it still was one of the four attempts."""
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(status, headers={"Retry-After": str(asked)}))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=ago(0))
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.next_attempt_at is not None
    last = delivery.attempts[-1]
    assert (len(delivery.attempts), last.error_code, last.retry_after) == (recorded + 1, "status", wait)
    due = parse_time(delivery.next_attempt_at)
    assert timedelta(0) <= due - last.ended() - timedelta(seconds=wait) < timedelta(milliseconds=5)
    attributes = aws.sqs.get_queue_attributes(QueueUrl=aws.retry_queue, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    assert pipeline.stored().status == "active"


@pytest.mark.parametrize("header", ["0", "59", "soon", "9" * 5000, "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_the_schedule_holds_whatever_else_an_endpoint_asks_for(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int], stopped_clock: Clock, header: str
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(503, headers={"Retry-After": header}))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=ago(0))
    assert pipeline.deliver(message) == [True]
    assert list(visibility.values()) == [hidden_until_due(pipeline, message, stopped_clock, 60)]


def test_the_last_failure_goes_to_the_dead_letters_at_once(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(3), next_attempt_at=ago(0))
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts), delivery.next_attempt_at) == ("retrying", 4, None)
    assert dead_letters(pipeline) == [message.key()]
    # The webhook is marked by the dead-letters function, and by nobody else.
    assert pipeline.stored().status == "active"


@pytest.mark.parametrize("status", ["delivered", "failed", "cancelled"])
def test_a_final_round_is_acknowledged_without_a_post(pipeline: Pipeline, receiver: Receiver, status: Any) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    before = pipeline.logged(message, status=status, attempts=failures(4))
    assert pipeline.deliver(message) == [False]
    assert pipeline.delivery(message) == before
    assert receiver.received("/hook") == []


def test_a_message_of_an_older_round_is_acknowledged(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(round=1)
    pipeline.logged(message, status="pending", round=2, attempts=failures(4))
    assert pipeline.deliver(message) == [False]
    assert receiver.received("/hook") == []


def test_a_new_round_starts_counting_anew_and_keeps_the_old_attempts(pipeline: Pipeline, receiver: Receiver) -> None:
    """
    Before or after the item was marked pending: the message is sent first. It does not wait for one of an older round that
    comes in its batch.
    """
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(round=2)
    pipeline.logged(message, status="failed", attempts=failures(4))
    assert pipeline.deliver(replace(message, round=1), message) == [False, False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, delivery.round) == ("delivered", 2)
    assert [(a.round, a.number) for a in delivery.attempts] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]


@pytest.mark.parametrize("recorded", [0, 2])
@pytest.mark.parametrize("gone", ["disabled", "deleted"])
def test_without_its_webhook_a_delivery_is_cancelled(
    pipeline: Pipeline, receiver: Receiver, gone: str, recorded: int
) -> None:
    pipeline.webhook(receiver.url("/hook"), status="disabled")
    if gone == "deleted":
        pipeline.config.delete_webhook("acme", "wh_1")
    message = pipeline.message()
    if recorded:
        pipeline.logged(message, status="retrying", attempts=failures(recorded), next_attempt_at=ago(0))
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts), delivery.next_attempt_at) == ("cancelled", recorded, None)
    assert receiver.received("/hook") == []


@pytest.mark.parametrize("lane", ["delivery", "retry"])
def test_when_all_attempts_are_recorded_there_is_no_fifth(pipeline: Pipeline, receiver: Receiver, lane: Lane) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(queue=lane)
    pipeline.logged(message, status="retrying", attempts=failures(4))
    assert pipeline.deliver(message) == [False]
    assert dead_letters(pipeline) == [message.key()]
    assert receiver.received("/hook") == []


@pytest.mark.usefixtures("stopped_clock")
def test_what_has_no_attempts_left_stays_until_the_dead_letter_queue_takes_it(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.queues import delivery_queues

    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    with monkeypatch.context() as broken:
        broken.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/absent")
        delivery_queues.cache_clear()
        assert pipeline.deliver(message) == [True]
    delivery_queues.cache_clear()
    assert list(visibility.values()) == [10]


def test_a_copy_that_comes_too_early_waits_until_the_others_attempt_is_over(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int]
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    due = now() + timedelta(seconds=50)
    pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=rfc3339(due))
    assert pipeline.deliver(message) == [True]
    assert receiver.received("/hook") == []
    (seconds,) = visibility.values()
    assert 50 <= seconds <= 57


def test_a_message_that_comes_a_little_early_is_not_posted_early(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    due = now() + timedelta(seconds=0.7)
    pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=rfc3339(due))
    assert pipeline.deliver(message) == [False]
    assert receiver.received("/hook")[0].at >= due.timestamp() - 0.001


def test_copies_in_one_batch_are_one_post(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int], stopped_clock: Clock
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    assert pipeline.deliver(message, message, message) == [False, False, False]
    assert len(receiver.received("/hook")) == 1

    receiver.answer("/hook", Answer(500))
    failing = pipeline.message(event_id="evt_2")
    assert pipeline.deliver(failing, failing) == [True, True]
    assert len(receiver.received("/hook")) == 2
    due = hidden_until_due(pipeline, failing, stopped_clock, 10)
    assert sorted(visibility.values()) == [due, due + 10]

    visibility.clear()
    moving = pipeline.message(event_id="evt_4", queue="delivery")
    assert pipeline.deliver(moving, moving) == [False, True]
    assert len(receiver.received("/hook")) == 3
    assert list(visibility.values()) == [hidden_until_due(pipeline, moving, stopped_clock, 10) + 10]

    last = pipeline.message(event_id="evt_3")
    pipeline.logged(last, status="retrying", attempts=failures(3), next_attempt_at=ago(1))
    assert pipeline.deliver(last, last) == [False, True]
    assert len(receiver.received("/hook")) == 4
    assert len(pipeline.aws.messages(pipeline.aws.dead_letter_queue)) == 1


def test_what_is_overdue_is_posted_without_a_wait(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("deliver.worker.time", SimpleNamespace(sleep=slept.append))
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=ago(5))
    assert pipeline.deliver(message) == [False]
    assert (slept, len(receiver.received("/hook"))) == ([0], 1)


@pytest.mark.parametrize(
    ("logged", "webhook", "lane", "stay"),
    [
        ({"status": "delivered"}, {}, "retry", []),
        ({"status": "pending"}, {"status": "disabled"}, "retry", []),
        ({"status": "retrying", "attempts": failures(1), "next_attempt_at": LATER}, {}, "retry", [600, 600]),
        # What would move, or be attempted now, is looked at again in a second.
        ({"status": "retrying", "attempts": failures(4)}, {}, "retry", [1]),
        ({"status": "pending"}, {"slow_since": BEFORE}, "delivery", [1]),
    ],
)
def test_a_copy_in_the_same_batch_follows_without_a_post(
    pipeline: Pipeline,
    receiver: Receiver,
    visibility: dict[str, int],
    clock: Clock,
    logged: dict[str, Any],
    webhook: dict[str, Any],
    lane: Lane,
    stay: list[int],
) -> None:
    clock.at = parse_time(BEFORE)
    pipeline.webhook(receiver.url("/hook"), **webhook)
    message = pipeline.message(queue=lane)
    pipeline.logged(message, **logged)
    assert sum(pipeline.deliver(message, message)) == len(stay)
    assert sorted(visibility.values()) == stay
    assert receiver.received("/hook") == []


def test_the_secret_and_the_url_are_those_of_the_attempt(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/old"))
    receiver.answer("/old", Answer(500))
    message = pipeline.message()
    pipeline.deliver(message)
    secret, old = new_secret(), pipeline.stored().secret
    pipeline.webhook(
        receiver.url("/new"),
        secret=secret,
        previous_secret=old,
        previous_expires_at=rfc3339(now() + timedelta(hours=1)),
    )
    current = pipeline.delivery(message)
    assert current is not None
    pipeline.aws.dynamodb.delete_item(
        TableName="log", Key={"pk": {"S": "WEBHOOK#wh_1"}, "sk": {"S": f"{message.accepted_at}#evt_1"}}
    )
    pipeline.deliver(message)
    (posted,) = receiver.received("/new")
    for verifier in (secret, old):
        Verifier(verifier).verify(posted.body, dict(posted.headers))


def test_the_first_200_makes_a_failing_webhook_active_and_tells_so(pipeline: Pipeline, receiver: Receiver) -> None:
    since = ago(100)
    failing = {"status": "failing", "failing_since": since, "failing_reason": "answered 500, expected 200"}
    pipeline.webhook(receiver.url("/hook"), **failing, failing_event_id="evt_0")
    for number, (status, accepted) in enumerate(
        (("failed", 3600 + 99), ("failed", 3600 + 101), ("retrying", 50), ("cancelled", 50), ("failed", 10))
    ):
        pipeline.logged(pipeline.message(event_id=f"evt_{number}0", accepted_at=ago(accepted)), status=status)
    pipeline.deliver(pipeline.message())
    webhook = pipeline.stored()
    assert (webhook.status, webhook.failing_since, webhook.failing_reason) == ("active", None, None)
    emitted = dict(pipeline.operational_events())
    # That it was failing is repeated, in case a crash swallowed it.
    assert set(emitted) == {"webhook.failing", "webhook.recovered"}
    for detail in emitted.values():
        assert (detail["webhook_id"], detail["account_id"], detail["failing_since"]) == ("wh_1", "acme", since)
        assert (detail["webhook_name"], detail["failing_reason"]) == ("hook", "answered 500, expected 200")
        assert detail["page_url"] == "https://webhooks.example.com/settings/webhooks#/wh_1"
        # Not what is cancelled, and not what was accepted longer than an hour before the outage.
        assert detail["failed_deliveries"] == 3


def test_of_a_long_outage_a_thousand_failed_deliveries_are_counted(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_COUNTED == 1000, "as docs/telling-customers.md says; three of four are as good here"
    monkeypatch.setattr("deliver.status_changes.MAX_COUNTED", 3)
    pipeline.webhook(
        receiver.url("/hook"), status="failing", failing_since=ago(100), failing_event_id="evt_0", catch_up=True
    )
    made = [
        Delivery("wh_1", "acme", f"e{number}", "message.incoming", ago(50), "failed", 1, ago(50), failures(4))
        for number in range(4)
    ]
    put_items(pipeline.aws, [delivery_item(delivery, 30) for delivery in made])
    pipeline.deliver(pipeline.message())
    emitted = dict(pipeline.operational_events())
    assert [(detail["failed_deliveries"], detail["catch_up"]) for detail in emitted.values()] == [(3, True)] * 2


@pytest.mark.parametrize("by", ["deliver", "process_dead_letters"])
@pytest.mark.parametrize("call", ["put_events", "update_item"])
def test_a_recovery_that_met_our_fault_is_made_good_without_another_post(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, call: str, by: str
) -> None:
    from webhooks.clients import client

    pipeline.webhook(receiver.url("/hook"), status="failing", failing_since=ago(9), failing_reason="x")
    message = pipeline.message()
    owner: Any = client("events") if call == "put_events" else client("dynamodb")
    with monkeypatch.context() as throttled:
        throttled.setattr(owner, call, refusing)
        assert pipeline.deliver(message) == [True]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, pipeline.stored().status) == ("delivered", "failing")
    assert getattr(pipeline, by)(message) == [False]
    assert pipeline.stored().status == "active"
    assert {name for name, _ in pipeline.operational_events()} == {"webhook.failing", "webhook.recovered"}
    assert len(receiver.received("/hook")) == 1


def test_a_200_of_before_it_was_failing_is_no_recovery(pipeline: Pipeline, receiver: Receiver) -> None:
    """Not even when an old message comes again."""
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    pipeline.deliver(message)
    pipeline.webhook(receiver.url("/hook"), status="failing", failing_since=rfc3339(now() + timedelta(seconds=1)))
    assert pipeline.deliver(message) == [False]
    assert pipeline.stored().status == "failing"


def test_failing_is_no_stop(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"), status="failing", failing_since=ago(9), failing_reason="x")
    receiver.answer("/hook", Answer(500))
    assert pipeline.deliver(pipeline.message()) == [True]
    assert len(receiver.received("/hook")) == 1


def refusing(*_: Any, **__: Any) -> Any:
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Any")


@pytest.mark.parametrize("call", ["batch_get_item", "put_item"])
@pytest.mark.usefixtures("stopped_clock")
def test_our_fault_charges_nothing(
    pipeline: Pipeline,
    receiver: Receiver,
    visibility: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    from webhooks.clients import client

    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    message = pipeline.message()
    monkeypatch.setattr("deliver.recording._PAUSES", (0, 0))
    with monkeypatch.context() as throttled:
        throttled.setattr(client("dynamodb"), call, refusing)
        assert pipeline.deliver(message) == [True]
    assert pipeline.delivery(message) is None
    assert list(visibility.values()) == [10]
    counted = metrics(written(capsys))
    assert counted["OurFault"] == [1]
    assert "delivery.our_fault" in [record.msg for record in caplog.records]
    assert ("DuplicatePostPossible" in counted) == (call == "put_item"), "then the POST was made"
    # The next attempt is still the first.
    pipeline.deliver(message)
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert [attempt.number for attempt in delivery.attempts] == [1]


@pytest.mark.parametrize(
    ("refused", "seconds", "tries", "posts"),
    [(3, 5, 4, 1), (99, 5, 9, 2), (99, 0, 1, 2)],
    ids=["at first", "for long", "an attempt that took long"],
)
@pytest.mark.parametrize("status", [200, 410])
def test_a_record_that_dynamodb_does_not_take_is_tried_again_before_another_post(
    pipeline: Pipeline,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    refused: int,
    seconds: float,
    tries: int,
    posts: int,
) -> None:
    from deliver.recording import _PAUSES
    from webhooks.clients import client

    dynamodb, call, tried = client("dynamodb"), "put_item" if status == 200 else "transact_write_items", []
    real = getattr(dynamodb, call)

    def throttled(**request: Any) -> Any:
        tried.append(request)
        return refusing() if len(tried) <= refused else real(**request)

    slept: list[float] = []
    monkeypatch.setattr("deliver.recording.time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr("deliver.recording.REPEATED_FOR", timedelta(seconds=seconds))
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(status))
    message = pipeline.message()
    with monkeypatch.context() as patched:
        patched.setattr(dynamodb, call, throttled)
        assert pipeline.deliver(message) == [posts > 1]
    assert len(tried) == tries
    assert len(slept) == tries - 1
    assert all(0 <= pause <= longest for pause, longest in zip(slept, _PAUSES, strict=False))
    assert pipeline.deliver(message) == [False]
    assert len(receiver.received("/hook")) == posts
    delivery = pipeline.delivery(message)
    assert delivery
    assert len(delivery.attempts) == 1


def test_what_another_copy_wrote_meanwhile_stands(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`delivered` is never overwritten by a slower copy's failure."""
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    message = pipeline.message()
    send = HTTPAdapter.send

    def overtaken(*arguments: Any, **options: Any) -> Any:
        response = send(*arguments, **options)
        pipeline.logged(message, status="delivered")
        return response

    monkeypatch.setattr(HTTPAdapter, "send", overtaken)
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, delivery.attempts) == ("delivered", [])
    assert metrics(written(capsys))["DuplicatePost"] == [1]


def test_a_log_that_moved_meanwhile_is_read_again_until_it_can_be(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when a person's retry is marked while its message is attempted: the attempt is recorded, not made once more."""
    from webhooks.clients import client

    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    dynamodb, send, read = client("dynamodb"), HTTPAdapter.send, client("dynamodb").batch_get_item
    refused: list[Any] = []

    def throttled(**request: Any) -> Any:
        refused.append(request)
        return refusing() if len(refused) <= 2 else read(**request)

    def moves(*arguments: Any, **options: Any) -> Any:
        response = send(*arguments, **options)
        pipeline.logged(message)
        monkeypatch.setattr(dynamodb, "batch_get_item", throttled)
        return response

    monkeypatch.setattr("deliver.recording.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(HTTPAdapter, "send", moves)
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts), len(refused)) == ("delivered", 1, 3)
    assert len(receiver.received("/hook")) == 1
    assert "DuplicatePostPossible" not in metrics(written(capsys))


@pytest.mark.parametrize("status", [200, 500])
def test_a_record_whose_answer_is_lost_is_not_taken_for_another_copys(
    pipeline: Pipeline,
    receiver: Receiver,
    sent: list[tuple[str, str, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
) -> None:
    """The SDK writes it again, which the log refuses. The first retry comes when it was promised, not with the copies."""
    from webhooks.clients import client

    real = client("dynamodb").put_item

    def repeated(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(client("dynamodb"), "put_item", repeated)
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(status))
    message = pipeline.message(queue="delivery")
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery
    assert (delivery.version, [attempt.status_code for attempt in delivery.attempts]) == (1, [status])
    assert sent == ([] if status == 200 else [("wh_1", "evt_1", 10)])
    assert "DuplicatePost" not in metrics(written(capsys))


def test_one_that_was_overtaken_makes_no_second_post_in_its_batch(
    pipeline: Pipeline,
    receiver: Receiver,
    visibility: dict[str, int],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though the next attempt is due by then."""
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    due = rfc3339(clock.at - timedelta(seconds=1))
    send = HTTPAdapter.send

    def overtaken(*arguments: Any, **options: Any) -> Any:
        pipeline.logged(message, status="retrying", attempts=failures(1), next_attempt_at=due)
        return send(*arguments, **options)

    monkeypatch.setattr(HTTPAdapter, "send", overtaken)
    assert pipeline.deliver(message, message) == [True, True]
    assert sorted(visibility.values()) == [0, 1], "the copy's is the time at which it was due"
    assert len(receiver.received("/hook")) == 1


def test_a_visibility_that_is_refused_is_tried_again_and_loses_nothing(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.clients import client

    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    asked: list[Any] = []

    def refusing_all(**request: Any) -> Any:
        asked.append(request["Entries"])
        return {"Failed": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    monkeypatch.setattr(client("sqs"), "change_message_visibility_batch", refusing_all)
    assert pipeline.deliver(pipeline.message()) == [True]
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("wait", "hidden"), [(-5.0, 0), (0.0, 0), (0.2, 1), (59.9, 60), (60.0, 60), (43_200.0, 43_200), (90_000.0, 43_200)]
)
def test_a_message_is_hidden_for_whole_seconds_and_never_too_short(
    pipeline: Pipeline, visibility: dict[str, int], clock: Clock, wait: float, hidden: int
) -> None:
    """SQS hides for 12 hours at most."""
    from deliver.visibility import set_visibility
    from webhooks.clients import client

    (record,) = pipeline.receive(pipeline.message())
    set_visibility(client("sqs"), pipeline.aws.retry_queue, [(record, clock.at + timedelta(seconds=wait))])
    assert visibility == {record["receiptHandle"]: hidden}


def test_a_message_that_is_none_of_ours_stays_and_harms_nobody(
    pipeline: Pipeline, receiver: Receiver, visibility: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    sent = pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.delivery_queue, MessageBody="hello")
    assert sorted(pipeline.deliver(pipeline.message(queue="delivery"))) == [False, True]
    assert len(receiver.received("/hook")) == 1
    assert visibility == {}, "that of the queue, until it has been received too often"
    (line,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (line["msg"], line["message_id"]) == ("message.unreadable", sent["MessageId"])
    pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.delivery_queue, MessageBody="hello")
    with aws_calls() as calls:
        assert pipeline.deliver() == [True]
    assert "BatchGetItem" not in calls, "DynamoDB refuses one without keys"


def test_a_message_cannot_reach_another_accounts_webhook(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.webhook(receiver.url("/hook"))
    assert pipeline.deliver(pipeline.message(account_id="other")) == [False]
    assert receiver.received("/hook") == []


def test_no_log_line_holds_a_secret_or_the_payload(
    pipeline: Pipeline, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = pipeline.webhook(receiver.url("/hook"), headers={"X-Api-Key": "s3cret-value"})
    pipeline.deliver(pipeline.message(body=json.dumps({"text": "private words"})))
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "delivery.attempted" in logged
    for secret in (webhook.secret, webhook.secret[6:], "s3cret-value", "private words"):
        assert secret not in logged


@pytest.mark.parametrize("test", [True, False])
def test_a_test_event_can_be_told_from_a_real_one(pipeline: Pipeline, receiver: Receiver, test: bool) -> None:
    """At every attempt, by a header that no webhook can set itself; the body and the signatures are as ever."""
    receiver.answer("/hook", Answer(500))
    webhook = pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(test=test)
    pipeline.deliver(message)
    receiver.answer("/hook", Answer(200))
    pipeline.deliver(replace(message, round=2))
    posts = receiver.received("/hook")
    assert len(posts) == 2
    for posted in posts:
        assert posted.headers.get("webhook-test") == ("true" if test else None)
        assert posted.body == message.body.encode()
        Verifier(webhook.secret).verify(posted.body.decode(), dict(posted.headers))


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        (Answer(302, headers={"Location": "https://elsewhere.example/hook"}), "https://elsewhere.example/hook"),
        (Answer(301, headers={"Location": "/hook/"}), "/hook/"),
        (Answer(308, headers={"Location": "/" + "x" * 600}), "/" + "x" * 511),
        (Answer(302), None),
        (Answer(200, headers={"Location": "/hook/"}), None),
        (Answer(500, headers={"Location": "/hook/"}), None),
    ],
)
def test_where_a_redirect_leads_is_kept_for_the_customer(
    pipeline: Pipeline, receiver: Receiver, answer: Answer, target: str | None
) -> None:
    receiver.answer("/hook", answer)
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message()
    pipeline.deliver(message)
    delivery = pipeline.delivery(message)
    assert delivery
    assert [attempt.redirect_to for attempt in delivery.attempts] == [target]
