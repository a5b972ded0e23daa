"""An endpoint that was down and works again: all that failed arrives by itself, at the webhook's pace."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic, sleep, time
from typing import Any

import pytest

from local.client import Client
from local.receiver import Answer, Received, Receiver
from tests.deployed import Deployed
from tests.e2e.test_killed_workers import kill_workers, set_visibility
from webhooks.event_types import EVENT_TYPES
from webhooks.times import parse_time, rfc3339

EVENT = EVENT_TYPES["message.incoming"]
PER_SECOND = 10
VISIBILITY = 10
"""Seconds after which what a killed function had comes back."""

SEEN_LATE = 2
"""Seconds by which a busy receiver may note the time of a POST too late, far fewer than `VISIBILITY`."""

BATCH = 40
"""Of the retry queue, the larger one."""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(("events", "kills"), [(500, False), (100, True)])
def test_what_failed_in_an_outage_arrives_by_itself(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver, events: int, kills: bool
) -> None:
    account_id, client = account
    receiver.answer("/down", Answer(500))
    values = {"name": "n", "url": receiver.url("/down"), "events": [EVENT.name], "catch_up": True}
    webhook = client.post("/v1/webhooks", values, 201)
    ids = [f"evt_{number:03}" for number in range(events)]
    for start in range(0, events, 100):
        batch = [
            {"account_id": account_id, "event": EVENT.name, "data": dict(EVENT.example), "id": event_id}
            for event_id in ids[start : start + 100]
        ]
        deployed.platform.post("/v1/events/batch", {"events": batch}, 202)
    path = f"/v1/webhooks/{webhook['id']}"
    _await(lambda: len(_failed(client, path)) == events, seconds=300)
    ids = [event_id for _, event_id in sorted(_failed(client, path))]  # fanout may take the batches in another order
    client.patch(path, {"max_per_second": PER_SECOND})
    receiver.answer("/down", Answer(200, seconds=0.5 if kills else 0))  # so that some are in hand when they are killed
    before = len(receiver.received("/down"))
    set_visibility(deployed, str(VISIBILITY) if kills else "180")
    killed, killed_at = 0, 0.0
    try:
        deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id="evt_new")
        if kills:
            receiver.wait_for("/down", before + events // 2, seconds=180)
            killed, killed_at = kill_workers(deployed), time()
            assert killed
        _await(lambda: client.get(f"{path}/catch-up")["state"] == "done", seconds=180)
        _await(lambda: {p.headers["webhook-id"] for p in receiver.received("/down")[before:]} >= set(ids), seconds=120)
    finally:
        set_visibility(deployed, "180")
    # What a killed function had is sent once more, and only then in the log.
    _await(lambda: {each["status"] for each in deliveries(client, path)} == {"delivered"}, seconds=120)
    arrived = [post for post in receiver.received("/down")[before:] if post.headers["webhook-id"] in ids]
    if kills:
        assert_repeats_of_the_killed(client, path, arrived, killed, killed_at)
        return
    order = [post.headers["webhook-id"] for post in arrived]
    assert len(order) == len(set(order)) == events, "each once"
    apart = max(abs(order.index(event_id) - ids.index(event_id)) for event_id in ids)
    took = arrived[-1].at - arrived[0].at
    print(f"{events} in {took:.1f} s: {(events - 1) / took:.1f} a second, out of order by {apart} places at most")
    assert (events - 1) / took == pytest.approx(PER_SECOND, rel=0.1)
    assert apart <= 5 * PER_SECOND, "SQS keeps the order only about: five seconds at most"


def assert_repeats_of_the_killed(
    client: Client, path: str, arrived: Sequence[Received], killed: int, killed_at: float
) -> None:
    """
    At least once, and no more: each delivery has one attempt in its new round, which the log has. A POST beyond it was in
    the hands of a function that was killed before it could write the log, and was made again after that.
    """
    for delivery in deliveries(client, path):
        in_round = [attempt for attempt in delivery["attempts"] if attempt["round"] == 2]
        if delivery["event_id"] != "evt_new":
            assert (delivery["status"], [attempt["error"] for attempt in in_round]) == ("delivered", [None])
    posts: dict[str, list[float]] = {}
    for post in arrived:
        posts.setdefault(post.headers["webhook-id"], []).append(post.at)
    repeated = [at for at in posts.values() if len(at) > 1]
    print(f"{killed} processes killed; {len(repeated)} of {len(posts)} deliveries were POSTed twice")
    assert repeated, "nothing was in hand: the kill shows nothing"
    for first, *others in repeated:
        assert killed_at - VISIBILITY < first < killed_at + SEEN_LATE, "it was not in hand when they were killed"
        # More than one if the machine was so busy that its batch came back once more, after `VISIBILITY`.
        assert min(others) > killed_at + SEEN_LATE
    assert len(repeated) <= killed * BATCH


@pytest.mark.slow
def test_a_probe_finds_out_that_it_works_again(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    """Nothing is published any more: it is the probe's 200 that begins the sending again."""
    account_id, client = account
    receiver.answer("/down", Answer(500))
    values = {"name": "n", "url": receiver.url("/down"), "events": [EVENT.name], "catch_up": True}
    webhook = client.post("/v1/webhooks", values | {"max_per_second": PER_SECOND}, 201)
    path, ids = f"/v1/webhooks/{webhook['id']}", [f"evt_{number}" for number in range(10)]
    events = [{"account_id": account_id, "event": EVENT.name, "data": dict(EVENT.example), "id": id} for id in ids]
    deployed.platform.post("/v1/events/batch", {"events": events}, 202)
    _await(lambda: len(_failed(client, path)) == len(ids), seconds=120)
    receiver.answer("/down", Answer(200))
    before = len(receiver.received("/down"))
    release(deployed)
    assert client.get(f"{path}/catch-up")["state"] == "waiting"
    assert len(receiver.received("/down")) == before, "a probe before its time"
    make_older(deployed, account_id, webhook["id"], ids, minutes=20)
    release(deployed)
    (probe,) = receiver.wait_for("/down", before + 1, seconds=30)[before:]
    client.await_webhook(webhook["id"], lambda webhook: webhook["status"] == "active", seconds=30)
    release(deployed)
    receiver.wait_for("/down", before + len(ids), seconds=30)
    _await(lambda: not _failed(client, path), seconds=30)
    arrived = [post.headers["webhook-id"] for post in receiver.received("/down")[before:]]
    assert Counter(arrived) == Counter(ids), "each once"
    shown = client.get(f"{path}/catch-up")
    assert (shown["state"], shown["sent"]) == ("done", len(ids) - 1), "all but the probe"
    assert probe.headers["webhook-id"] == deliveries(client, path)[-1]["event_id"], "the oldest"


def release(deployed: Deployed) -> None:
    """As each minute."""
    functions = deployed.outputs.client("lambda")
    (name,) = [
        function["FunctionName"]
        for function in functions.list_functions()["Functions"]
        if function["Handler"].startswith("deliver.release")
    ]
    assert "FunctionError" not in functions.invoke(FunctionName=name, Payload="{}")


def make_older(deployed: Deployed, account_id: str, webhook_id: str, ids: Sequence[str], *, minutes: int) -> None:
    """As if all that has happened to the webhook had happened earlier: each time in its items, those in keys too."""
    dynamodb = deployed.outputs.client("dynamodb")
    partitions = [(deployed.resources["ConfigTable"], f"ACCOUNT#{account_id}")]
    partitions += [(deployed.resources["LogTable"], f"{kind}#{webhook_id}") for kind in ("WEBHOOK", "PACE")]
    partitions += [(deployed.resources["LogTable"], f"EVENT#{account_id}#{event_id}") for event_id in ids]

    def earlier(time: re.Match[str]) -> str:
        return rfc3339(parse_time(time[0]) - timedelta(minutes=minutes))

    for table, partition in partitions:
        values = {":pk": {"S": partition}}
        items = dynamodb.query(
            TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, ConsistentRead=True
        )["Items"]
        assert items
        for item in items:
            dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
            shifted = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", earlier, json.dumps(item))
            dynamodb.put_item(TableName=table, Item=json.loads(shifted))


def _failed(client: Client, path: str) -> list[tuple[str, str]]:
    """When each was accepted, and its event."""
    return [(delivery["accepted_at"], delivery["event_id"]) for delivery in deliveries(client, path, status="failed")]


def deliveries(client: Client, path: str, **query: str) -> list[Any]:
    found: list[Any] = []
    while True:
        page = client.get(f"{path}/deliveries", limit="100", **query)
        found += page["data"]
        if not page["next_cursor"]:
            return found
        query["cursor"] = page["next_cursor"]


def _await(reached: Callable[[], bool], *, seconds: float) -> None:
    until = monotonic() + seconds
    while not reached():
        assert monotonic() < until, "not within its time"
        sleep(2)
