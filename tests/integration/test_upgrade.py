"""What the first version wrote and queued is understood: an upgrade loses no delivery. Its own code made the fixture."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, kept, record_of
from webhooks.times import now, rfc3339

FIXTURE = Path(__file__).parent.parent / "events" / "version_1.json"
DELIVERIES = "/v1/webhooks/wh_1/deliveries"


@pytest.fixture
def written() -> Any:
    """As if ten minutes ago: what it wrote in May is forgotten by now."""
    minute = rfc3339(now() - timedelta(minutes=10))[:16]
    return json.loads(FIXTURE.read_text().replace("2026-05-29T10:30", minute))


@pytest.fixture
def account(aws: Aws, written: Any, receiver: Receiver) -> Api:
    """With the first version's key; its webhook's endpoint has moved to where the test can see it."""
    for table in ("config", "log"):
        for item in written[table]:
            aws.dynamodb.put_item(TableName=table, Item=item)
    account = Api(written["account_key"])
    moved = {"url": receiver.url("/hook"), "headers": {"X-Api-Key": "k"}}
    assert account.call("PATCH", "/v1/webhooks/wh_1", moved).status == 200
    return account


def handled(aws: Aws, message: Any, handler: Any, queue: str | None = None) -> bool:
    queue = queue or aws.delivery_queue
    aws.sqs.send_message(QueueUrl=queue, **message)
    records = [record_of(received, queue) for received in aws.messages(queue)]
    (stays,) = kept(records, handler({"Records": records}, None))
    return not stays


@pytest.mark.parametrize(("event_id", "attempts"), [("evt_1", 2), ("evt_4", 1)])
@pytest.mark.parametrize("queue", ["delivery_queue", "retry_queue"])
def test_what_it_queued_is_delivered(
    aws: Aws, account: Api, written: Any, receiver: Receiver, queue: str, event_id: str, attempts: int
) -> None:
    """On either queue: a retry that waited on the delivery queue moves, and is made on the other one."""
    from deliver.handler import lambda_handler

    assert handled(aws, written["messages"][event_id], lambda_handler, getattr(aws, queue))
    Pipeline(aws).deliver()
    (posted,) = receiver.received("/hook")
    assert posted.body.decode() == written["messages"][event_id]["MessageBody"]
    assert posted.headers["x-api-key"] == "k"
    (shown,) = (d for d in account.get(DELIVERIES).json["data"] if d["event_id"] == event_id)
    assert (shown["status"], len(shown["attempts"])) == ("delivered", attempts)


def test_what_it_gave_up_is_judged(aws: Aws, account: Api, written: Any) -> None:
    from deliver.dead_letters import lambda_handler

    assert handled(aws, written["messages"]["evt_3"], lambda_handler)
    assert account.get(f"{DELIVERIES}/evt_3").json["status"] == "failed"
    webhook = account.get("/v1/webhooks/wh_1").json
    assert (webhook["status"], webhook["failing_reason"]) == ("failing", "answered 500, expected 200")


def test_what_failed_in_its_time_is_shown_and_recovered(
    aws: Aws, account: Api, written: Any, receiver: Receiver
) -> None:
    (failed,) = account.get(DELIVERIES, status="failed").json["data"]
    assert (failed["event_id"], len(failed["attempts"])) == ("evt_2", 4)
    assert account.post("/v1/webhooks/wh_1/recover", {"since": failed["accepted_at"]}).json["enqueued"] == 1
    Pipeline(aws).deliver()
    assert account.get(f"{DELIVERIES}/evt_2").json["status"] == "delivered"
    assert account.call("DELETE", "/v1/webhooks/wh_1").status == 204
