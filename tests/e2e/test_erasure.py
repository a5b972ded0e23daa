"""An account is erased: its keys at once, then all that the tables have of it."""

from __future__ import annotations

import json
from time import monotonic, sleep
from typing import Any

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from webhooks.event_types import EVENT_TYPES

EVENT = EVENT_TYPES["message.incoming"]
SECONDS = 150
"""The function begins each minute."""


def test_of_an_erased_account_nothing_is_left(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    account_id, client = account
    platform = deployed.platform
    receiver.answer("/failing", Answer(500))
    assert client.call("PUT", "/v1/notifications", json={"email": "ops@customer.example"}).status_code == 200
    webhooks = [_create(client, receiver.url(path)) for path in ("/hook", "/failing", "/deleted")]
    events = [platform.publish(account_id, EVENT.name, dict(EVENT.example)) for _ in range(5)]
    for webhook_id in webhooks:
        for event in events:
            client.await_delivery(webhook_id, event, lambda d: d["status"] in ("delivered", "failed"), seconds=60)
    assert client.get(f"/v1/webhooks/{webhooks[1]}")["status"] == "failing"
    assert client.call("DELETE", f"/v1/webhooks/{webhooks[2]}").status_code == 204
    platform.publish(account_id, EVENT.name, dict(EVENT.example))  # still on its way
    assert platform.call("DELETE", f"/v1/accounts/{account_id}").status_code == 202
    assert client.call("GET", "/v1/webhooks").status_code == 401
    until = monotonic() + SECONDS
    while (erasure := platform.get(f"/v1/accounts/{account_id}/erasure"))["state"] != "done":
        assert monotonic() < until, erasure
        sleep(1)
    print(erasure)
    assert erasure["deleted"]["webhooks"] == 2
    assert erasure["deleted"]["deliveries"] >= 15
    while (left := _left(deployed, [account_id, *webhooks])) != {f"ERASURE#{account_id}", f"ACCOUNT#{account_id}"}:
        assert monotonic() < until, left
        sleep(1)


def _create(client: Client, url: str) -> str:
    return str(client.post("/v1/webhooks", {"name": "n", "url": url, "events": [EVENT.name]}, 201)["id"])


def _left(deployed: Deployed, words: list[str]) -> set[str]:
    """The partitions of all items that name one of these."""
    dynamodb: Any = deployed.outputs.client("dynamodb")
    return {
        item["pk"]["S"]
        for table in ("ConfigTable", "LogTable")
        for page in dynamodb.get_paginator("scan").paginate(TableName=deployed.resources[table], ConsistentRead=True)
        for item in page["Items"]
        if any(word in json.dumps(item, default=repr) for word in words)
    }
