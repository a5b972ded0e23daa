"""The model's rules where everything is real: functions killed between two steps lose nothing and blame no endpoint."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from webhooks.event_types import EVENT_TYPES

EVENT = EVENT_TYPES["message.incoming"]
EVENTS = 12


@pytest.mark.alone
def test_workers_killed_in_mid_batch(deployed: Deployed, account: tuple[str, Client], receiver: Receiver) -> None:
    account_id, client = account
    receiver.answer("/slow", Answer(seconds=1))
    webhook = client.post("/v1/webhooks", {"name": "n", "url": receiver.url("/slow"), "events": [EVENT.name]}, 201)
    # What a killed function had comes back after this, not after three minutes.
    set_visibility(deployed, "4")
    try:
        events = [deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example)) for _ in range(EVENTS)]
        killed = 0
        for posts in (1, EVENTS // 2):
            receiver.wait_for("/slow", posts, seconds=60)
            killed += kill_workers(deployed)
        assert killed
        # The emulator hands an event to fanout once only, and loses it when that takes too long.
        for event_id in events:
            deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id=event_id)
        for event_id in events:
            done = client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=90)
            assert [attempt["error"] for attempt in done["attempts"]] == [None]
    finally:
        set_visibility(deployed, "180")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["status"] == "active"
    posts_by_event = [post.headers["webhook-id"] for post in receiver.received("/slow")]
    assert set(posts_by_event) == set(events)
    print(f"{killed} processes killed; {len(posts_by_event) - EVENTS} of {len(posts_by_event)} POSTs were repeats")


def set_visibility(deployed: Deployed, seconds: str) -> None:
    sqs = deployed.outputs.client("sqs")
    for lane in ("DeliveryQueueUrl", "RetryQueueUrl"):
        sqs.set_queue_attributes(QueueUrl=deployed.resources[lane], Attributes={"VisibilityTimeout": seconds})


def kill_workers(deployed: Deployed) -> int:
    """
    Those of deliver: the emulator starts new ones.

    Not fanout's: what the bus hands over, the emulator tries once, where Lambda tries three times and then keeps it.
    """
    directory = Path(deployed.outputs.ca_file).parent.parent
    workers = [pid for pid, command in processes() if str(directory) in command and "DeliveryDeliver" in command]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    return len(workers)


def processes() -> list[tuple[int, str]]:
    """With their whole command lines: Linux has /proc, and a slim one no ps; macOS has ps, and no /proc."""
    if Path("/proc/self").exists():
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found
    shown = subprocess.run(["ps", "-axwwo", "pid=,command="], capture_output=True, text=True, check=True)
    return [(int(pid), command) for pid, command in (line.split(maxsplit=1) for line in shown.stdout.splitlines())]
