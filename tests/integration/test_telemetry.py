"""What the operator is told: metrics in CloudWatch's embedded format, and a line a unit of work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, failures
from webhooks.models import now, rfc3339

DATA = {"message_id": "m", "whatsapp_account_id": "w", "text": "a private matter"}


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics(lines: list[dict[str, Any]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in lines:
        for group in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert group["Dimensions"] == [["service"]], "each further combination would be billed"
            for metric in group["Metrics"]:
                found.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    return found


def test_deliveries_are_counted_and_timed(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    for id in ("evt_1", "evt_2"):
        pipeline.deliver(pipeline.message(event_id=id, accepted_at=rfc3339(now())))
    counted = metrics(written(capsys))
    assert counted["Delivered"] == [1.0, 1.0]
    assert all(0 < latency < 30_000 for latency in counted["DeliveryLatency"])
    assert len(counted["DeliveryLatency"]) == 2


def test_a_retry_by_hand_has_no_latency(
    pipeline: Pipeline, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    pipeline.deliver(pipeline.message(round=2))
    assert set(metrics(written(capsys))) == {"Delivered"}


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
    assert metrics(written(capsys)) == {cause: [1.0]}


def test_what_is_cancelled_exhausted_and_given_up(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.webhook("https://localhost:1/", status="disabled")
    pipeline.deliver(pipeline.message(event_id="evt_1"))
    assert metrics(written(capsys)) == {"Cancelled": [1.0]}
    pipeline.webhook("https://localhost:1/")
    for id in ("evt_2", "evt_3"):  # the second, when the webhook is failing already
        message = pipeline.message(event_id=id)
        pipeline.logged(message, status="retrying", attempts=failures(4))
        pipeline.judge(message)
        assert metrics(written(capsys)) == {"Exhausted": [1.0]}
    pipeline.judge(pipeline.message(event_id="evt_4", round_started_at="2026-05-29T10:30:00.000Z"))
    assert metrics(written(capsys)) == {"GivenUp": [1.0]}


def test_our_own_fault_is_counted(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.webhook("https://localhost:1/")
    records = pipeline.receive(pipeline.message())
    monkeypatch.setenv("CONFIG_TABLE", "absent")
    from deliver.handler import lambda_handler

    lambda_handler({"Records": records}, None)
    assert metrics(written(capsys)) == {"OurFault": [1.0]}


def test_events_are_counted_as_accepted_or_rejected(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    from fanout.handler import lambda_handler

    event = {"id": "0f6d", "time": "2026-05-29T10:30:00Z", "detail-type": "message.incoming"}
    lambda_handler(event | {"detail": {"account_id": "acme", "data": DATA}}, None)
    assert metrics(written(capsys)) == {"Accepted": [1.0]}
    lambda_handler(event | {"detail": {"account_id": "acme", "data": {}}}, None)
    assert metrics(written(capsys)) == {"Rejected": [1.0]}


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
    lines = [vars(record) for record in caplog.records if record.name == "test"]
    followed = [line["msg"] for line in lines if line.get("event_id") == "evt_1"]
    text = str(lines)
    assert followed == ["call.answered", "event.fanned_out", "delivery.attempted"]
    assert platform.token is not None
    for private in ("private", "of-the-customer", webhook.secret, webhook.secret[6:], platform.token.split(".")[1]):
        assert private not in text
