"""What 0.1.0 stores and queues is understood by this version. `version_fixture.py` wrote it, with the code of 0.1.0."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from local.emulator import ROOT
from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import Pipeline
from tests.integration.test_pace import release
from tests.integration.version_fixture import process_dead_letter, record
from webhooks.messages import from_record
from webhooks.times import parse_time

FIXTURE = ROOT / "tests" / "events" / "0.1.0.json"
WAITED = {"first", "retry", "dead", "failed"}
PACED = {f"paced_{number}" for number in range(1, 6)}


def _binary(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64decode(value["B"])} if value.keys() == {"B"} else value


@pytest.fixture
def written(aws: Aws, clock: Clock) -> Any:
    """In the tables and on the queues."""
    written = json.loads(FIXTURE.read_text(), object_hook=_binary)
    for name, table in (("config", aws.config_table), ("log", aws.log_table)):
        for item in written[name]:
            aws.dynamodb.put_item(TableName=table, Item=item)
    for queued in written["messages"].values():
        if queued["queue"] != "deadletters":
            aws.sqs.send_message(QueueUrl=queued["queue"], **queued["message"])
    clock.at = parse_time(written["at"])
    return written


@pytest.fixture
def account(written: Any) -> Api:
    return Api(written["account_key"])


def statuses(account: Api, written: Any) -> dict[str, str]:
    pages = [account.get(f"/v1/webhooks/{id}/deliveries").json["data"] for id in written["webhooks"].values()]
    return {delivery["event_id"]: delivery["status"] for page in pages for delivery in page}


@pytest.mark.long
def test_all_that_waited_arrives(aws: Aws, clock: Clock, written: Any, account: Api, receiver: Receiver) -> None:
    """First attempts, a retry, a dead letter, what waits for its pace, and what failed of a webhook that catches up."""
    for name in ("orders", "paced"):
        moved = {"url": receiver.url(f"/{name}"), "headers": {"X-Api-Key": "k"}}
        assert account.call("PATCH", f"/v1/webhooks/{written['webhooks'][name]}", moved).status == 200
    process_dead_letter(written["messages"]["dead"])
    orders = f"/v1/webhooks/{written['webhooks']['orders']}"
    assert account.get(f"{orders}/deliveries/dead").json["status"] == "failed"
    deadline = time.monotonic() + 60  # moto delays messages by its own clock
    while statuses(account, written) != dict.fromkeys(WAITED | PACED, "delivered"):
        assert time.monotonic() < deadline, statuses(account, written)
        Pipeline(aws).deliver()
        clock.at += timedelta(minutes=1)
        release()
    for name, wanted in (("orders", WAITED), ("paced", PACED)):
        posts = receiver.received(f"/{name}")
        assert sorted(post.headers["webhook-id"] for post in posts) == sorted(wanted), "each once"
    assert account.get(orders).json["status"] == "active"
    assert account.get(f"{orders}/catch-up").json["state"] == "done"


def test_all_that_a_message_says_is_read() -> None:
    messages = json.loads(FIXTURE.read_text())["messages"].values()
    assert {"not_before", "takes_over"} <= {
        name for queued in messages for name in queued["message"]["MessageAttributes"]
    }
    for queued in messages:
        read = from_record(record(queued), "retry")
        for name, value in queued["message"]["MessageAttributes"].items():
            assert str(getattr(read, name)) == value["StringValue"]


def test_what_was_set_and_received_is_shown(written: Any, account: Api) -> None:
    assert account.get("/v1/notifications").json["email"] == "ops@customer.example"
    (request,) = account.get(f"/v1/webhooks/{written['webhooks']['test_address']}/requests").json["data"]
    assert json.loads(request["body"])["event"] == "message.incoming"
    assert request["verified"]
    secret = account.get(f"/v1/webhooks/{written['webhooks']['orders']}/secret").json
    assert parse_time(secret["previous_expires_at"]) > parse_time(written["at"])
    assert Api().of_platform().get("/v1/accounts/other/erasure").json["state"] == "running"
