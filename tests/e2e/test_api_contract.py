"""
The API keeps its own specification: schemathesis calls every operation of /openapi.json, with a key of each role, with
data that should be accepted and data that should not, and checks each answer.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.handler import ROUTES
from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.e2e.contract.running import Run, Seeds, run
from webhooks.event_types import EVENT_TYPES
from webhooks.models import new_id

EVENT = EVENT_TYPES["message.incoming"]
OPERATIONS = {
    (route.method, route.path.replace("<", "{").replace(">", "}")): route.role
    for route in ROUTES
    if route.role != "open"
}
NEVER_SUCCEEDS = {("DELETE", "/v1/session")}
"""With the keys of this test, which do not expire: 409, or the run would end its own session."""


@pytest.mark.slow(minutes=5)
@pytest.mark.parametrize("role", ["account", "platform"])
def test_every_answer_is_as_the_specification_says(
    deployed: Deployed, receiver: Receiver, tmp_path: Path, role: str
) -> None:
    account_id = new_id("acct")
    key = deployed.platform.post("/v1/api-keys", {"account_id": account_id}, 201)["key"]
    account = Client(deployed.outputs.api_url, key)
    if role == "platform":
        key = deployed.outputs.platform_key
    try:
        seeds = plant(deployed, account_id, account, receiver)
        done = run(deployed.outputs.api_url, key, seeds, tmp_path)
    finally:
        account.close()
    print(f"A key of the role {role}:\n{done.summary()}")
    assert done.passed, done.output
    every_call_was_really_made(done, role)
    nothing_points_elsewhere(done, receiver)


def every_call_was_really_made(done: Run, role: str) -> None:
    """Each that the role may make succeeded at least once, none of the others ever did."""
    statuses = done.statuses()
    assert OPERATIONS.keys() <= statuses.keys()
    for operation, rule in OPERATIONS.items():
        succeeded = any(status < 300 for status in statuses[operation])
        expected = rule in (role, "any") and operation not in NEVER_SUCCEEDS
        assert succeeded == expected, (operation, statuses[operation])
        assert succeeded or statuses[operation] & {403, 409}


def nothing_points_elsewhere(done: Run, receiver: Receiver) -> None:
    for exchange in done.exchanges:
        if exchange.path in ("/v1/webhooks", "/v1/webhooks/{webhook_id}") and exchange.status in (200, 201):
            shown = json.loads(exchange.content)
            elsewhere = [w for w in shown.get("data", [shown]) if not w["url"].startswith(receiver.url("/"))]
            assert all(webhook["test_address"] for webhook in elsewhere), shown


def plant(deployed: Deployed, account_id: str, account: Client, receiver: Receiver) -> Seeds:
    """Webhooks with deliveries, delivered and failed; more to be edited and deleted; keys to be revoked."""

    def create(path: str) -> str:
        values = {"name": "Orders", "url": receiver.url(path), "events": [EVENT.name]}
        return str(account.post("/v1/webhooks", values, 201)["id"])

    platform = deployed.platform
    receiver.answer("/dead", Answer(500))
    webhooks = [create("/hook"), create("/dead")]
    events = [platform.publish(account_id, EVENT.name, dict(EVENT.example)) for _ in range(3)]
    for webhook in webhooks:
        for event in events:
            account.await_delivery(webhook, event, lambda d: d["status"] in ("delivered", "failed"), seconds=120)
    receiver.answer("/dead", Answer(200))
    address = account.post("/v1/test-addresses", {}, 201)["id"]
    for _ in range(2):
        test = account.post(f"/v1/webhooks/{address}/test", {"event": EVENT.name}, 202)["event_id"]
        account.await_delivery(address, test, lambda d: d["status"] == "delivered", seconds=60)
    keys = [platform.post("/v1/api-keys", {"account_id": account_id}, 201)["id"] for _ in range(5)]
    erased = new_id("acct")
    platform.call("DELETE", f"/v1/accounts/{erased}")
    log = f"/v1/webhooks/{webhooks[0]}/deliveries"
    delivery = account.get(log, limit="1")["next_cursor"]
    return Seeds(
        ids={
            "webhooks": webhooks,
            "edited": [create("/edited")],
            "deleted": [create("/deleted") for _ in range(5)],
            "address": [address],
            "events": events,
            "accounts": [account_id],
            "erased": [erased],
            "keys": keys,
        },
        cursors={
            "/v1/webhooks": account.get("/v1/webhooks", limit="1")["next_cursor"],
            "/v1/webhooks/{webhook_id}/deliveries": delivery,
            "/v1/webhooks/{webhook_id}/recover": delivery,
            "/v1/webhooks/{webhook_id}/requests": account.get(f"/v1/webhooks/{address}/requests", limit="1")[
                "next_cursor"
            ],
            "/v1/api-keys": platform.get("/v1/api-keys", account_id=account_id, limit="1")["next_cursor"],
        },
        receiver_url=receiver.url("/fuzzed"),
    )
