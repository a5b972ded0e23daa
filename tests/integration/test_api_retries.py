"""Test events, retries and rotation, with the pipeline that then delivers them."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, failures
from tests.integration.test_api_recovery import logged
from webhooks.clients import client
from webhooks.errors import Conflict
from webhooks.stored_events import StoredEvent
from webhooks.times import now, parse_time, rfc3339


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


def verify_with(library: str, secret: str, posted: Any) -> None:
    import_module(library).Webhook(secret).verify(posted.body, dict(posted.headers))


def test_a_test_event_is_in_the_log_at_once_and_goes_through_the_queue(
    pipeline: Pipeline, account: Api, receiver: Receiver
) -> None:
    """To this webhook alone, whether or not it subscribes to the event."""
    pipeline.webhook(receiver.url("/hook"))
    pipeline.webhook(receiver.url("/other"), "wh_2", events=["contact.created"])
    accepted = account.post("/v1/webhooks/wh_1/test", {"event": "contact.created"})
    assert accepted.status == 202
    path = f"/v1/webhooks/wh_1/deliveries/{accepted.json['event_id']}"
    logged = account.get(path).json
    assert (logged["status"], logged["test"], logged["attempts"]) == ("pending", True, [])
    assert pipeline.deliver() == [False]
    (posted,) = receiver.received("/hook")
    catalogue = {event["name"]: event for event in account.get("/v1/event-types").json["data"]}
    assert json.loads(posted.body)["data"] == catalogue["contact.created"]["example"]["data"]
    delivered = account.get(path).json
    assert (delivered["status"], delivered["test"]) == ("delivered", True)
    assert receiver.received("/other") == []


@pytest.mark.parametrize("body", [{}, {"event": "message.unknown"}, {"event": "message.read", "data": {}}])
def test_a_test_event_needs_a_known_name_and_nothing_else(pipeline: Pipeline, account: Api, body: Any) -> None:
    pipeline.webhook("https://localhost:1/")
    assert account.post("/v1/webhooks/wh_1/test", body).status == 422


def test_a_retry_is_a_new_round_and_keeps_the_old_attempts(
    pipeline: Pipeline, account: Api, receiver: Receiver
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    event_id = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).json["event_id"]
    pipeline.deliver()
    path = f"/v1/webhooks/wh_1/deliveries/{event_id}"
    retried = account.call("POST", f"{path}/retry")
    assert (retried.status, retried.json["status"]) == (202, "pending")
    pipeline.deliver()
    attempts = account.get(path).json["attempts"]
    assert [(attempt["round"], attempt["number"]) for attempt in attempts] == [(1, 1), (2, 1)]
    first, second = receiver.received("/hook")
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_only_final_deliveries_are_retried(pipeline: Pipeline, account: Api, receiver: Receiver) -> None:
    receiver.answer("/hook", Answer(500))
    pipeline.webhook(receiver.url("/hook"))
    event_id = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).json["event_id"]
    path = f"/v1/webhooks/wh_1/deliveries/{event_id}/retry"
    only = "only a delivered, failed or cancelled one can be retried"
    for status in ("pending", "retrying"):
        refused = account.call("POST", path)
        assert (refused.status, refused.json["detail"]) == (409, f"the delivery is {status}; {only}")
        pipeline.deliver()
    assert account.call("POST", "/v1/webhooks/wh_1/deliveries/evt_absent/retry").status == 404


def test_a_delivery_that_is_erased_meanwhile_is_a_404(
    pipeline: Pipeline, account: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.webhook("https://localhost:1/")
    logged(pipeline.aws, 1)
    dynamodb = client("dynamodb")
    put_item = dynamodb.put_item

    def after_the_erasure(**request: Any) -> Any:
        key = {name: request["Item"][name] for name in ("pk", "sk")}
        dynamodb.delete_item(TableName=request["TableName"], Key=key)
        return put_item(**request)

    monkeypatch.setattr(dynamodb, "put_item", after_the_erasure)
    answer = account.call("POST", "/v1/webhooks/wh_1/deliveries/failed_0/retry")
    assert (answer.status, answer.json["detail"]) == (404, "there is no such delivery")


@pytest.mark.long
def test_two_people_who_retry_at_once_are_one_round(
    pipeline: Pipeline, account: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second call comes while the first sends its message, and ends before it."""
    from api import sending_routes
    from api.handler import app

    monkeypatch.setattr(sending_routes, "COPY_DELAY_SECONDS", 3)
    pipeline.webhook(receiver.url("/hook"))
    event_id = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).json["event_id"]
    pipeline.deliver()
    path = f"/v1/webhooks/wh_1/deliveries/{event_id}"
    sqs = client("sqs")
    send = sqs.send_message_batch

    def overtaken(**request: Any) -> Any:
        monkeypatch.setattr(sqs, "send_message_batch", send)
        context = dict(app.context)  # Powertools has one, as Lambda handles one call at a time
        assert account.call("POST", f"{path}/retry").status == 202
        app.append_context(**context)
        return send(**request)

    monkeypatch.setattr(sqs, "send_message_batch", overtaken)
    assert account.call("POST", f"{path}/retry").status == 202
    handled = pipeline.deliver()
    assert len(handled) == 1, "the other one comes when the first is over"
    pipeline.deliver_queued(1)
    assert [(a["round"], a["number"]) for a in account.get(path).json["attempts"]] == [(1, 1), (2, 1)]
    assert len(receiver.received("/hook")) == 2


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("call", ["retry", "recover"])
def test_what_is_attempted_before_it_is_marked_is_posted_once(
    pipeline: Pipeline, account: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, call: str, status: int
) -> None:
    """Sent first, then marked: the queue is often faster, and the mark falls between deliver's read and its write."""
    pipeline.webhook(receiver.url("/hook"))
    at = rfc3339(now() - timedelta(minutes=10))
    message = pipeline.message(accepted_at=at)
    pipeline.log.put_event_once(StoredEvent("acme", "evt_1", message.event, message.body, at))
    pipeline.logged(message, status="failed", attempts=failures(4))
    receiver.answer("/hook", Answer(status))
    send = HTTPAdapter.send

    def while_posting(*arguments: Any, **options: Any) -> Any:
        response = send(*arguments, **options)
        path = "/v1/webhooks/wh_1/" + ("deliveries/evt_1/retry" if call == "retry" else "recover")
        assert account.call("POST", path, None if call == "retry" else {"since": at}).status == 202
        pipeline.aws.messages(pipeline.aws.delivery_queue)  # that call's message is the one being attempted
        return response

    monkeypatch.setattr(HTTPAdapter, "send", while_posting)
    assert pipeline.deliver(pipeline.message(accepted_at=at, round=2)) == [status != 200]
    assert len(receiver.received("/hook")) == 1
    delivery = account.get("/v1/webhooks/wh_1/deliveries/evt_1").json
    assert [(a["round"], a["number"]) for a in delivery["attempts"]][4:] == [(2, 1)]
    assert delivery["status"] == ("delivered" if status == 200 else "retrying")


def test_a_disabled_webhook_neither_tests_nor_retries(pipeline: Pipeline, account: Api) -> None:
    pipeline.webhook("https://localhost:1/", status="disabled")
    logged(pipeline.aws, 1)
    retry = account.call("POST", "/v1/webhooks/wh_1/deliveries/failed_0/retry")
    test = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
    for refused in (retry, test):
        assert (refused.status, refused.json["detail"]) == (409, "the webhook is disabled; enable it first")
    assert pipeline.aws.messages(pipeline.aws.delivery_queue) == []
    assert account.get("/v1/webhooks/wh_1/deliveries/failed_0").json["status"] == "failed"


def test_a_refused_retry_does_not_delay_the_next_one(pipeline: Pipeline, account: Api) -> None:
    pipeline.webhook("https://localhost:1/", status="disabled")
    logged(pipeline.aws, 1)
    path = "/v1/webhooks/wh_1/deliveries/failed_0/retry"
    assert account.call("POST", path).status == 409
    account.call("PATCH", "/v1/webhooks/wh_1", {"enabled": True})
    assert account.call("POST", path).status == 202
    (message,) = pipeline.aws.messages(pipeline.aws.delivery_queue)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["round"] == "2"
    age = now() - parse_time(attributes["round_started_at"])
    assert timedelta() <= age < timedelta(minutes=1), "for 24 h from now, our own faults do not end it"


def test_a_retry_that_cannot_be_queued_is_a_503_and_changes_nothing(
    pipeline: Pipeline, account: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.webhook("https://localhost:1/")
    logged(pipeline.aws, 1)
    path = "/v1/webhooks/wh_1/deliveries/failed_0"
    before = account.get(path).json

    def refusing(**request: Any) -> Any:
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in request["Entries"]]}

    with monkeypatch.context() as patched:
        patched.setattr(client("sqs"), "send_message_batch", refusing)
        refused = account.call("POST", f"{path}/retry")
    assert (refused.status, refused.json["detail"]) == (503, "the delivery could not be queued; try again")
    assert account.get(path).json == before
    assert account.call("POST", f"{path}/retry").status == 202


@pytest.mark.long
@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
def test_rotation_in_the_middle_of_a_retry_schedule(
    pipeline: Pipeline, account: Api, receiver: Receiver, library: str
) -> None:
    """The old secret before, both after, and only the new one once the old is revoked."""
    receiver.answer("/hook", Answer(500))
    old = pipeline.webhook(receiver.url("/hook")).secret
    event_id = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).json["event_id"]
    pipeline.deliver()
    rotated = account.post("/v1/webhooks/wh_1/secret/rotate", {"overlap_seconds": 600}).json
    expires_in = parse_time(rotated["previous_expires_at"]) - now()
    assert timedelta(seconds=590) < expires_in <= timedelta(seconds=600)
    assert account.get("/v1/webhooks/wh_1/secret").json == rotated
    assert account.get("/v1/webhooks/wh_1").json["previous_secret_expires_at"] == rotated["previous_expires_at"]
    delivery = account.get(f"/v1/webhooks/wh_1/deliveries/{event_id}").json
    pipeline.deliver(pipeline.message(event_id=event_id, round=2, accepted_at=delivery["accepted_at"]))
    revoked = account.post("/v1/webhooks/wh_1/secret/rotate", {"overlap_seconds": 0}).json
    assert revoked["previous_expires_at"] is None
    assert account.get("/v1/webhooks/wh_1/secret").json == revoked
    assert account.get("/v1/webhooks/wh_1").json["previous_secret_expires_at"] is None
    pipeline.deliver(pipeline.message(event_id=event_id, round=3, accepted_at=delivery["accepted_at"]))
    before, between, after = receiver.received("/hook")
    verify_with(library, old, before)
    for secret in (old, rotated["secret"]):
        verify_with(library, secret, between)
    verify_with(library, revoked["secret"], after)
    for secret in (old, rotated["secret"]):
        with pytest.raises(import_module(library).WebhookVerificationError):
            verify_with(library, secret, after)


def test_rotation_without_a_body_overlaps_for_a_day(pipeline: Pipeline, account: Api) -> None:
    pipeline.webhook("https://localhost:1/")
    rotated = account.call("POST", "/v1/webhooks/wh_1/secret/rotate").json
    assert timedelta(hours=23, minutes=59) < parse_time(rotated["previous_expires_at"]) - now() <= timedelta(days=1)


def test_a_whole_number_may_be_spelt_as_a_float(pipeline: Pipeline, account: Api) -> None:
    """As JSON Schema has it, and as some languages' encoders write what was computed."""
    pipeline.webhook("https://localhost:1/")
    assert account.post("/v1/webhooks/wh_1/secret/rotate", {"overlap_seconds": 60.0}).status == 200


@pytest.mark.parametrize("overlap", [-1, 604_801, "60", 1.5, 1e400, True])
def test_a_bad_overlap_is_refused_at_its_field(pipeline: Pipeline, account: Api, overlap: Any) -> None:
    old = pipeline.webhook("https://localhost:1/").secret
    refused = account.post("/v1/webhooks/wh_1/secret/rotate", {"overlap_seconds": overlap})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "overlap_seconds")
    assert pipeline.stored().secret == old


def test_two_rotations_at_once_forget_no_secret(pipeline: Pipeline, account: Api) -> None:
    """The second, which read before the first wrote, is refused: the first one's secret may be in use already."""
    read = pipeline.webhook("https://localhost:1/")
    account.post("/v1/webhooks/wh_1/secret/rotate", {})
    with pytest.raises(
        Conflict, match=r"^the webhook was changed by another call at the same moment; read it and try again$"
    ):
        pipeline.config.rotate_secret(read, "whsec_second", previous_expires_at=None, at=read.updated_at)
