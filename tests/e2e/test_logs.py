"""What the functions really wrote, in the emulator's CloudWatch Logs."""

from __future__ import annotations

import json
import time
from typing import Any

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed

DATA = {"message_id": "wamid.1", "whatsapp_account_id": "uuid", "text": "a private matter"}
SECONDS = 30


def everything(deployed: Deployed) -> list[str]:
    """Every line of every function's log, in the order of time."""
    logs = deployed.outputs.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (
        page
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=0)
    )
    events = [event for page in pages for event in page["events"]]
    return [line for event in events for line in event["message"].splitlines()]


def following(deployed: Deployed, event_id: str) -> list[dict[str, Any]]:
    """As `filter event_id = "…" | sort @timestamp asc` does in Logs Insights, which the emulator has not."""
    lines = [json.loads(line) for line in everything(deployed) if line.startswith("{")]
    return sorted((line for line in lines if line.get("event_id") == event_id), key=lambda line: str(line["timestamp"]))


def test_one_event_is_followed_from_publishing_to_its_last_attempt_and_nothing_private_is_told(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    account_id, client = account
    receiver.answer("/logs", Answer(500, body=b"a private answer"))
    values = {"name": "Orders", "url": receiver.url("/logs"), "events": ["message.incoming"]}
    webhook = client.post("/v1/webhooks", values | {"headers": {"X-Api-Key": "of-the-customer"}}, 201)
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    client.await_delivery(webhook["id"], event_id, lambda delivery: delivery["status"] == "failed", seconds=SECONDS)
    whole = ["call.answered", "event.fanned_out", *["delivery.attempted"] * 4, "delivery.failed", "webhook.failing"]
    deadline = time.monotonic() + SECONDS
    while len(followed := following(deployed, event_id)) < len(whole) and time.monotonic() < deadline:
        time.sleep(0.2)  # the emulator writes a function's log when the function has ended
    for line in followed:
        print(line["timestamp"], line["service"], line["message"], line.get("number", ""), line.get("error", ""))
    assert [line["message"] for line in followed] == whole
    text = "\n".join(everything(deployed))
    keys = [deployed.outputs.platform_key, str(client._session.headers["Authorization"]).split()[1]]
    private = ["private", "of-the-customer", webhook["secret"], webhook["secret"][6:]]
    for secret in [*private, *(key.split(".")[1] for key in keys)]:
        assert secret not in text
