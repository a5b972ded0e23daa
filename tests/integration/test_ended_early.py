"""First attempts that meet an endpoint which another batch has just found slow: they end after a second, unrecorded."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from local.receiver import Answer, Receiver
from tests.integration.conftest import Aws
from tests.integration.hostile import contexts, hello_request_flood, serving
from tests.integration.pace import pace
from tests.integration.pipeline import Pipeline, ago
from tests.integration.test_telemetry import metrics, written
from webhooks.tables import webhook_marks

Certificates = dict[str, ssl.SSLContext]
Endpoint = Callable[[Receiver, Certificates], AbstractContextManager[str]]
"""Its URL."""


@pytest.fixture(scope="module")
def certificates(authority: tuple[Path, Path]) -> Certificates:
    return contexts(trustme.CA.from_pem(authority[0].read_bytes(), authority[1].read_bytes()))


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@contextmanager
def answers_late(receiver: Receiver, certificates: Certificates) -> Iterator[str]:
    receiver.answer("/late", Answer(200, seconds=3))
    yield receiver.url("/late")


@contextmanager
def floods_the_handshake(receiver: Receiver, certificates: Certificates) -> Iterator[str]:
    with serving(hello_request_flood, certificates["good"]) as (port, _):
        yield f"https://localhost:{port}/"


@contextmanager
def does_not_accept(receiver: Receiver, certificates: Certificates) -> Iterator[str]:
    """A listener whose queue is full answers no SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"https://localhost:{listener.getsockname()[1]}/"
        for filler in fillers:
            filler.close()


@pytest.fixture
def found_slow_elsewhere(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another invocation marks `wh_1` just after each one has read it."""
    from webhooks.clients import client

    dynamodb = client("dynamodb")
    read = dynamodb.batch_get_item

    def then_marked(**request: Any) -> Any:
        answer = read(**request)
        webhook_marks().mark_lane(pipeline.stored(), "retry", ago(0))
        return answer

    monkeypatch.setattr(dynamodb, "batch_get_item", then_marked)


@pytest.mark.long
@pytest.mark.parametrize("endpoint", [answers_late, floods_the_handshake, does_not_accept])
@pytest.mark.usefixtures("found_slow_elsewhere")
def test_it_ends_after_a_second_and_is_not_charged(
    pipeline: Pipeline,
    receiver: Receiver,
    certificates: Certificates,
    endpoint: Endpoint,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = pipeline.message(queue="delivery")
    with endpoint(receiver, certificates) as url, pace() as measured:
        pipeline.webhook(url)
        started = time.monotonic()
        # The copy in the same batch follows: it is looked at again, and makes no attempt.
        assert pipeline.deliver(message, message) == [False, True]
        took = time.monotonic() - started
    assert 1 <= took < measured.bound(1.8)
    assert pipeline.delivery(message) is None
    assert metrics(written(capsys)) == {"EndedEarly": [1.0]}
    (line,) = [vars(record) for record in caplog.records if record.msg == "delivery.ended_early"]
    assert (line["webhook_id"], line["event_id"]) == ("wh_1", "evt_1")
    (moved,) = pipeline.aws.messages(pipeline.aws.retry_queue)
    assert moved["MessageAttributes"]["event_id"]["StringValue"] == message.event_id


@pytest.mark.long
def test_the_one_that_marks_it_waits_for_its_answer_even_if_that_of_dynamodb_is_lost(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.clients import client

    real = client("dynamodb").update_item

    def repeated_by_the_sdk(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(client("dynamodb"), "update_item", repeated_by_the_sdk)
    receiver.answer("/late", Answer(200, seconds=2))
    pipeline.webhook(receiver.url("/late"))
    message = pipeline.message(queue="delivery")
    assert pipeline.deliver(message) == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert (delivery.status, len(delivery.attempts), len(receiver.received("/late"))) == ("delivered", 1, 1)
    assert metrics(written(capsys))["SlowLaneEntered"] == [1.0]


@pytest.mark.long
@pytest.mark.usefixtures("found_slow_elsewhere")
def test_it_has_its_5_seconds_in_the_slow_lane(pipeline: Pipeline, receiver: Receiver) -> None:
    receiver.answer("/late", Answer(200, seconds=3))
    pipeline.webhook(receiver.url("/late"))
    message = pipeline.message(queue="delivery")
    pipeline.deliver(message)
    assert pipeline.deliver() == [False]
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert [(attempt.number, attempt.status_code) for attempt in delivery.attempts] == [(1, 200)]
    first, second = receiver.received("/late")
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


@pytest.mark.long
@pytest.mark.usefixtures("found_slow_elsewhere")
def test_on_a_kept_connection_it_is_not_repeated_at_once(pipeline: Pipeline, receiver: Receiver) -> None:
    """A reused connection that is lost before the answer is otherwise tried again on a new one."""
    pipeline.webhook(receiver.url("/hook"))
    pipeline.deliver(pipeline.message(event_id="evt_0"))
    receiver.answer("/hook", Answer(200, seconds=3))
    secret = pipeline.stored().secret
    pipeline.webhook(receiver.url("/hook"), secret=secret)  # prompt again
    pipeline.deliver(pipeline.message(queue="delivery"))
    assert len(receiver.received("/hook")) == 2
    assert receiver.connections == 1


@pytest.mark.long
@pytest.mark.usefixtures("found_slow_elsewhere")
def test_neighbours_in_its_batch_are_not_ended(pipeline: Pipeline, receiver: Receiver) -> None:
    """Nor is one that is as slow, and that this batch is the one to mark."""
    receiver.answer("/late", Answer(200, seconds=2.5))
    for webhook in ("wh_1", "wh_2"):
        pipeline.webhook(receiver.url("/late"), webhook)
    mine = pipeline.message("wh_2", queue="delivery")
    pipeline.deliver(pipeline.message(queue="delivery"), mine)
    delivery = pipeline.delivery(mine)
    assert delivery is not None
    assert delivery.status == "delivered"


@pytest.mark.long
@pytest.mark.usefixtures("found_slow_elsewhere")
def test_retries_are_not_ended(pipeline: Pipeline, receiver: Receiver) -> None:
    receiver.answer("/late", Answer(200, seconds=2))
    pipeline.webhook(receiver.url("/late"))
    message = pipeline.message()
    pipeline.deliver(message)
    delivery = pipeline.delivery(message)
    assert delivery is not None
    assert delivery.status == "delivered"
