"""A batch's POSTs side by side: what one endpoint does costs no other its turn."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local import ca
from local.receiver import Answer, Received, Receiver
from tests.integration.conftest import Aws
from tests.integration.pace import pace
from tests.integration.pipeline import Pipeline
from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage
from webhooks.times import parse_time


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.mark.long
def test_nine_healthy_endpoints_and_one_that_hangs(pipeline: Pipeline, receiver: Receiver) -> None:
    """The nine have long been answered when the attempt at the tenth ends."""
    receiver.answer("/hook-4", Answer(seconds=30))
    messages = []
    for number in range(10):
        pipeline.webhook(receiver.url(f"/hook-{number}"), f"wh_{number}")
        messages.append(pipeline.message(f"wh_{number}"))
    stays = pipeline.deliver(*messages)
    hung = only_attempt(pipeline, messages.pop(4))
    assert hung.error == "no answer within 5 s"
    assert hung.duration_ms >= 5000
    answered = [only_attempt(pipeline, message) for message in messages]
    assert [attempt.error for attempt in answered] == [None] * 9
    assert max(attempt.ended() for attempt in answered) < hung.ended()
    assert sorted(stays) == [False] * 9 + [True]


def only_attempt(pipeline: Pipeline, message: DeliveryMessage) -> Attempt:
    delivery = pipeline.delivery(message)
    assert delivery is not None
    (attempt,) = delivery.attempts
    return attempt


@pytest.mark.long
def test_a_failure_beside_a_hanging_endpoint_is_retried_after_its_own(
    pipeline: Pipeline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 s after its own failure, not 15: what is set is what then remains of them."""
    from webhooks.clients import client

    receiver.answer("/hangs", Answer(seconds=30))
    receiver.answer("/fails", Answer(500))
    pipeline.webhook(receiver.url("/hangs"), "wh_1")
    pipeline.webhook(receiver.url("/fails"), "wh_2")
    hanging, failing = pipeline.message("wh_1"), pipeline.message("wh_2")
    entries: list[Any] = []
    sqs = client("sqs")
    real = sqs.change_message_visibility_batch

    def recording(**request: Any) -> Any:
        entries.extend(request["Entries"])
        return real(**request)

    monkeypatch.setattr(sqs, "change_message_visibility_batch", recording)
    with pace() as measured:
        pipeline.deliver(hanging, failing)
        set_at = time.time()
    soon, later = sorted(entry["VisibilityTimeout"] for entry in entries)
    assert soon < 7
    for message, hidden in ((failing, soon), (hanging, later)):
        logged = pipeline.delivery(message)
        assert logged is not None
        assert logged.next_attempt_at is not None
        due = parse_time(logged.next_attempt_at)
        assert due - logged.attempts[0].ended() - timedelta(seconds=10) < timedelta(milliseconds=5)
        # Shown again when it is due, at most the second later to which SQS rounds.
        assert 0 <= set_at + hidden - due.timestamp() < measured.bound(1.5)


def test_ten_posts_are_really_side_by_side(pipeline: Pipeline, authority: tuple[Path, Path]) -> None:
    """None is answered before all ten have come: one after the other, they would wait for each other in vain."""
    all_ten = threading.Barrier(10)

    def together(_: Received) -> None:
        all_ten.wait(20)

    receiver = Receiver(ca.server_context(*authority), on_received=together)
    receiver.start()
    try:
        for number in range(10):
            pipeline.webhook(receiver.url("/hook"), f"wh_{number}")
        assert pipeline.deliver(*(pipeline.message(f"wh_{number}") for number in range(10))) == [False] * 10
    finally:
        receiver.stop()


def test_a_copy_that_cannot_be_handled_keeps_nothing_else_of_its_batch(
    pipeline: Pipeline, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """All messages of its delivery come again soon, and the log knows what was done."""
    receiver.answer("/fails", Answer(500))
    pipeline.webhook(receiver.url("/fails"), "wh_1")
    pipeline.webhook(receiver.url("/hook"), "wh_2")
    message, other = pipeline.message("wh_1"), pipeline.message("wh_2")
    copy = message.to_request()
    copy["MessageAttributes"]["not_before"] = {"DataType": "String", "StringValue": "soon"}
    for request in (message.to_request(), copy, other.to_request()):
        pipeline.aws.sqs.send_message(QueueUrl=pipeline.aws.retry_queue, **request)
    assert pipeline.deliver() == [True, True, False]
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["delivery.our_fault"]
    assert only_attempt(pipeline, message).status_code == 500
    assert only_attempt(pipeline, other).status_code == 200


def test_connections_are_kept_between_invocations_and_not_between_webhooks(
    pipeline: Pipeline, receiver: Receiver
) -> None:
    pipeline.webhook(receiver.url("/hook"), "wh_1")
    pipeline.webhook(receiver.url("/hook"), "wh_2")
    for number in range(3):
        for webhook_id in ("wh_1", "wh_2"):
            assert pipeline.deliver(pipeline.message(webhook_id, f"evt_{number}")) == [False]
    assert len(receiver.received("/hook")) == 6
    assert receiver.connections == 2
