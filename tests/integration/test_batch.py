"""A batch's POSTs side by side: what one endpoint does costs no other its turn."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from local.receiver import Answer, Receiver
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from webhooks.models import parse_time


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def test_nine_healthy_endpoints_and_one_that_hangs(pipeline: Pipeline, receiver: Receiver) -> None:
    receiver.answer("/hook-4", Answer(seconds=30))
    messages = []
    for number in range(10):
        pipeline.webhook(receiver.url(f"/hook-{number}"), f"wh_{number}")
        messages.append(pipeline.message(f"wh_{number}"))
    started = time.time()
    stays = pipeline.deliver(*messages)
    took = time.time() - started
    arrived = [receiver.received(f"/hook-{number}")[0].at - started for number in range(10)]
    print(f"answered {max(arrived):.2f} s after the batch began at the latest; the batch took {took:.2f} s")
    assert max(arrived) < 1
    assert 5 <= took < 5.5
    assert sorted(stays) == [False] * 9 + [True]


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
    pipeline.deliver(hanging, failing)
    set_at = time.time()
    soon, later = sorted(entry["VisibilityTimeout"] for entry in entries)
    assert soon < 7
    assert later == 10
    logged = pipeline.delivery(failing)
    assert logged is not None
    assert logged.next_attempt_at is not None
    due = parse_time(logged.next_attempt_at)
    assert due - logged.attempts[0].ended() - timedelta(seconds=10) < timedelta(milliseconds=5)
    # Shown again when it is due, at most the second later to which SQS rounds.
    assert 0 <= set_at + soon - due.timestamp() < 1.5


def test_ten_posts_are_really_side_by_side(pipeline: Pipeline, receiver: Receiver) -> None:
    """Each takes 0.5 s; one after the other they would take 5."""
    receiver.answer("/hook", Answer(seconds=0.5))
    for number in range(10):
        pipeline.webhook(receiver.url("/hook"), f"wh_{number}")
    started = time.monotonic()
    assert pipeline.deliver(*(pipeline.message(f"wh_{number}") for number in range(10))) == [False] * 10
    assert time.monotonic() - started < 2.5


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
