"""What the functions really wrote, in the emulator's CloudWatch Logs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from itertools import chain
from operator import itemgetter
from typing import Any

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from webhooks.telemetry import ATTEMPTED

DATA = {"message_id": "wamid.1", "whatsapp_account_id": "uuid", "text": "a private matter"}
SECONDS = 30


def everything(deployed: Deployed) -> list[list[str]]:
    """The lines of each function's log, in the order in which they were written."""
    logs = deployed.outputs.client("logs")
    pages = logs.get_paginator("filter_log_events")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [_lines(pages.paginate(logGroupName=group, startTime=0)) for group in groups]


def _lines(pages: Iterable[dict[str, Any]]) -> list[str]:
    events = [event for page in pages for event in page["events"]]
    return [line for event in sorted(events, key=itemgetter("timestamp")) for line in event["message"].splitlines()]


def following(deployed: Deployed, event_id: str) -> list[list[dict[str, Any]]]:
    """
    What each function wrote about an event, as `filter @message like /"…"/ | sort @timestamp asc` would show it in Logs
    Insights, which the emulator has not. The lines of two functions cannot be put in order: to the emulator, a line is
    as late as the end of its invocation, and deliver's goes on after it has sent a dead letter.
    """
    logs = [[line for line in log if line.startswith("{") and f'"{event_id}"' in line] for log in everything(deployed)]
    return [[{"message": ATTEMPTED} | json.loads(line) for line in log] for log in logs if log]


def test_one_event_is_followed_from_publishing_to_its_last_attempt_and_nothing_private_is_told(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    account_id, client = account
    receiver.answer("/logs", Answer(500, body=b"a private answer"))
    values = {"name": "Orders", "url": receiver.url("/logs"), "events": ["message.incoming"]}
    webhook = client.post("/v1/webhooks", values | {"headers": {"X-Api-Key": "of-the-customer"}}, 201)
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    client.await_delivery(webhook["id"], event_id, lambda delivery: delivery["status"] == "failed", seconds=SECONDS)
    whole = [["call.answered"], ["event.fanned_out"], [ATTEMPTED] * 4, ["delivery.failed", "webhook.failing"]]
    deadline = time.monotonic() + SECONDS
    while sum(map(len, followed := following(deployed, event_id))) < 8 and time.monotonic() < deadline:
        time.sleep(0.2)  # the emulator writes a function's log when the function has ended
    for line in chain.from_iterable(followed):
        print(line["message"], line.get("number", ""), line.get("error_code", ""))
    assert sorted([line["message"] for line in log] for log in followed) == sorted(whole)
    (attempts,) = [log for log in followed if log[0]["message"] == ATTEMPTED]
    assert [line.get("number", 1) for line in attempts] == [1, 2, 3, 4]
    text = "\n".join(chain.from_iterable(everything(deployed)))
    keys = [deployed.outputs.platform_key, str(client._session.headers["Authorization"]).split()[1]]
    private = ["private", "of-the-customer", webhook["secret"], webhook["secret"][6:]]
    for secret in [*private, *(key.split(".")[1] for key in keys)]:
        assert secret not in text
