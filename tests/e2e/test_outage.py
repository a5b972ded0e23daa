"""An endpoint that was down and works again: all that failed arrives by itself, at the webhook's pace."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

import pytest

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.e2e.test_killed_workers import kill_workers, set_visibility
from webhooks.event_types import EVENT_TYPES

EVENT = EVENT_TYPES["message.incoming"]
PER_SECOND = 10


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
    receiver.answer("/down", Answer(200))
    before = len(receiver.received("/down"))
    set_visibility(deployed, "4" if kills else "180")
    try:
        deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id="evt_new")
        if kills:
            receiver.wait_for("/down", before + events // 2, seconds=180)
            assert kill_workers(deployed)
        _await(lambda: client.get(f"{path}/catch-up")["state"] == "done", seconds=180)
        _await(lambda: {p.headers["webhook-id"] for p in receiver.received("/down")[before:]} >= set(ids), seconds=120)
    finally:
        set_visibility(deployed, "180")
    arrived = [post for post in receiver.received("/down")[before:] if post.headers["webhook-id"] in ids]
    _await(lambda: not _failed(client, path), seconds=60)
    if kills:
        return
    order = [post.headers["webhook-id"] for post in arrived]
    assert len(order) == len(set(order)) == events, "each once"
    apart = max(abs(order.index(event_id) - ids.index(event_id)) for event_id in ids)
    took = arrived[-1].at - arrived[0].at
    print(f"{events} in {took:.1f} s: {(events - 1) / took:.1f} a second, out of order by {apart} places at most")
    assert (events - 1) / took == pytest.approx(PER_SECOND, rel=0.1)
    assert apart <= 5 * PER_SECOND, "SQS keeps the order only about: five seconds at most"


def _failed(client: Client, path: str) -> list[tuple[str, str]]:
    """When each was accepted, and its event."""
    failed: list[tuple[str, str]] = []
    cursor = None
    while True:
        page = client.get(f"{path}/deliveries", status="failed", limit="100", **({"cursor": cursor} if cursor else {}))
        failed += [(delivery["accepted_at"], delivery["event_id"]) for delivery in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            return failed


def _await(reached: Callable[[], bool], *, seconds: float) -> None:
    until = monotonic() + seconds
    while not reached():
        assert monotonic() < until, "not within its time"
        sleep(2)
