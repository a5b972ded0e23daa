"""
Writes what this version stores and queues into tests/events/<version>.json: a step of a release (docs/releases.md).

`.venv/bin/python -m pytest tests/integration/version_fixture.py`
"""

from __future__ import annotations

import base64
import json
import tomllib
from datetime import timedelta
from typing import Any

import pytest

from local.emulator import ROOT
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import record_of
from tests.integration.test_api_test_addresses import arrive, signed
from tests.integration.test_pace import EVENT
from webhooks.clients import client
from webhooks.event_types import EVENT_TYPES

REFUSES = "https://localhost:1/hook"
Messages = dict[str, Any]


def publish(event_type: str, *event_ids: str) -> None:
    from fanout.handler import lambda_handler

    for event_id in event_ids:
        detail = {"account_id": "acme", "id": event_id, "data": dict(EVENT_TYPES[event_type].example)}
        lambda_handler(EVENT | {"detail-type": event_type, "detail": detail}, None)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Messages:
    """The message of each event that was queued last, and its queue."""
    seen: Messages = {}
    sqs = client("sqs")
    send = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        for entry in request["Entries"]:
            event_id = entry["MessageAttributes"]["event_id"]["StringValue"]
            message = {name: value for name, value in entry.items() if name not in ("Id", "DelaySeconds")}
            seen[event_id] = {"queue": request["QueueUrl"].rpartition("/")[2], "message": message}
        return send(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen


def attempt(aws: Aws, queued: Messages, event_id: str) -> None:
    """As the mapping of either queue hands it over; the queues themselves are emptied first."""
    from deliver.handler import lambda_handler

    for queue in (aws.delivery_queue, aws.retry_queue):
        aws.messages(queue)
    sent = queued[event_id]
    aws.sqs.send_message(QueueUrl=sent["queue"], **sent["message"])
    lambda_handler({"Records": [record_of(received, sent["queue"]) for received in aws.messages(sent["queue"])]}, None)


def test_write(aws: Aws, api: Api, clock: Clock, queued: Messages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=2))
    monkeypatch.setenv("MAIL_FROM", "webhooks@example.com")
    account = api.of_account("acme")
    values = {"name": "Orders", "url": REFUSES, "events": ["message.incoming"], "headers": {"X-Api-Key": "k"}}
    orders = account.post("/v1/webhooks", values | {"catch_up": True}).json
    paced = {"name": "Paced", "url": REFUSES, "events": ["contact.created"], "max_per_second": 1}
    paced = account.post("/v1/webhooks", paced).json
    address = account.post("/v1/test-addresses", {"name": "Try it", "events": ["message.read"]}).json
    assert account.post(f"/v1/webhooks/{orders['id']}/secret/rotate", {"overlap_seconds": 86_400}).status == 200
    assert account.call("PUT", "/v1/notifications", {"email": "ops@customer.example"}).status == 200
    assert arrive(address, signed(address["secret"], clock.at)).status == 200
    publish("message.incoming", "first", "retry", "dead", "failed")
    publish("contact.created", "paced_1", "paced_2", "paced_3", "paced_4", "paced_5")
    attempt(aws, queued, "retry")
    for event_id in ("dead", "failed"):
        while queued[event_id]["queue"] != aws.dead_letter_queue.rpartition("/")[2]:
            attempt(aws, queued, event_id)
            clock.at += timedelta(seconds=301)
    process_dead_letter(queued.pop("failed"))
    assert account.get(f"/v1/webhooks/{orders['id']}").json["status"] == "failing"
    assert api.of_platform().call("DELETE", "/v1/accounts/other").status == 202
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tables = {name: aws.dynamodb.scan(TableName=name)["Items"] for name in (aws.config_table, aws.log_table)}
    written = {
        "at": clock.at.isoformat(),
        "account_key": account.token,
        "webhooks": {"orders": orders["id"], "paced": paced["id"], "test_address": address["id"]},
        "config": tables[aws.config_table],
        "log": tables[aws.log_table],
        "messages": queued,
    }
    path = ROOT / "tests" / "events" / f"{version}.json"
    path.write_text(json.dumps(written, indent=1, sort_keys=True, default=_base64) + "\n")


def _base64(binary: bytes) -> str:
    return base64.b64encode(binary).decode()


def record(queued: Any) -> dict[str, Any]:
    """A queued message as it is handed over."""
    message = queued["message"]
    received = {"MessageId": "m", "ReceiptHandle": "r", "Body": message["MessageBody"]}
    return record_of(received | {"MessageAttributes": message["MessageAttributes"]})


def process_dead_letter(queued: Any) -> None:
    from deliver.dead_letters import lambda_handler

    assert lambda_handler({"Records": [record(queued)]}, None) == {"batchItemFailures": []}
