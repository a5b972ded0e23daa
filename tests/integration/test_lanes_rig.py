"""The benchmark's event source mapping hands batches over and deletes as Lambda does; its load is what it says."""

from __future__ import annotations

from typing import Any

import pytest

from bench.lanes import poller
from bench.lanes.load import DEAD, Run
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from webhooks.messages import from_record


@pytest.fixture
def queue(aws: Aws) -> str:
    pipeline = Pipeline(aws)
    for number in range(3):
        message = pipeline.message(event_id=f"evt_{number}", queue="delivery")
        aws.sqs.send_message(QueueUrl=aws.delivery_queue, **message.to_request())
    return aws.delivery_queue


def waiting(aws: Aws) -> tuple[int, int]:
    """Visible and in flight."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.sqs.get_queue_attributes(QueueUrl=aws.delivery_queue, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def test_only_what_is_not_reported_as_failed_is_deleted(aws: Aws, queue: str) -> None:
    seen: list[dict[str, Any]] = []

    def handler(sqs_event: dict[str, Any], context: object) -> dict[str, Any]:
        seen.extend(sqs_event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": sqs_event["Records"][0]["messageId"]}]}

    poller.handle(handler, queue, poller.gather(queue, 10, 0))
    assert [from_record(record, "delivery").event_id for record in seen] == ["evt_0", "evt_1", "evt_2"]
    assert {record["eventSourceARN"].rpartition(":")[2] for record in seen} == {"delivery"}
    assert waiting(aws) == (0, 1)


def test_a_handler_that_raises_leaves_its_batch_on_the_queue(aws: Aws, queue: str) -> None:
    def handler(sqs_event: dict[str, Any], context: object) -> dict[str, Any]:
        raise RuntimeError

    poller.handle(handler, queue, poller.gather(queue, 2, 0))
    assert waiting(aws) == (1, 2)


def test_a_window_gathers_more_than_one_receive_brings(aws: Aws, queue: str) -> None:
    for number in range(12):
        aws.sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    assert len(poller.gather(queue, 14, 1.0)) == 14


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3])
def test_a_run_sends_the_share_that_it_says_to_the_dead_endpoint(share: float) -> None:
    run = Run(share, 20, 30, began_at=100.0)
    numbers = [number for number in run.numbers() if number >= 0]
    assert len(numbers) == 600
    assert sum(run.account(number) == DEAD for number in numbers) == round(600 * share)
    assert len({run.event_id(number) for number in run.numbers()}) == len(run.numbers())
    assert run.published_at(0) == 100.0
    assert min(run.healthy(after=2)) in (40, 41)
