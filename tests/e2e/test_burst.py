"""
A campaign's burst to a small server: what is above its pace waits, nothing fails, and the account's other webhook waits no
longer than another account's webhook does at the same moments, on the same busy machine.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local import ca
from local.client import Client
from local.receiver import Answer, Received, Receiver
from tests.deployed import Deployed
from tests.e2e.test_outage import deliveries
from webhooks.event_types import EVENT_TYPES, EventType
from webhooks.item_keys import event_key

EVENTS = int(os.environ.get("BURST_EVENTS", "1500"))
"""5,000 take six minutes, more than this suite has; docs/pace.md has their figures."""

PER_SECOND = 20
CAMPAIGN, OTHER, WARM_UP = (EVENT_TYPES[name] for name in ("message.sent", "message.incoming", "contact.created"))
_BATCH = 100
_UNDER_WAY = 3
"""Batches that fanout has at once: the emulator hands an event over once, and loses it when no function is free."""

LOST_AFTER = 30
"""Seconds after which an event that fanout has not stored is published again."""


class SmallServer(Receiver):
    """Answers in a quarter of a second; takes 20 POSTs a second, ten seconds' worth at once, and refuses the others."""

    ROOM = 10 * PER_SECOND

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answer("/small", Answer(seconds=0.25))
        self._lock = threading.Lock()
        self._room, self._at = float(self.ROOM), time.monotonic()
        self._in_flight = self.peak = self.refused = 0

    def take(self, request: Received) -> Answer:
        with self._lock:
            self._in_flight += 1
            self.peak = max(self.peak, self._in_flight)
            at = time.monotonic()
            self._room, self._at = min(self._room + (at - self._at) * PER_SECOND, self.ROOM), at
            taken = self._room >= 1
            self._room -= taken
            self.refused += not taken
        answer = super().take(request)
        with self._lock:
            self._in_flight -= 1
        return answer if taken else Answer(503)

    def event_ids(self) -> Counter[str]:
        """How often each was POSTed."""
        return Counter(post.headers["webhook-id"] for post in self.received("/small"))


@pytest.fixture
def small_server(deployed: Deployed) -> Iterator[SmallServer]:
    server = SmallServer(ca.server_context(Path(deployed.outputs.ca_file), Path(deployed.outputs.ca_key_file)))
    server.start()
    yield server
    server.stop()


@pytest.mark.by_hand
@pytest.mark.alone
def test_a_burst_to_a_small_server(
    deployed: Deployed,
    new_account: Callable[[], tuple[str, Client]],
    receiver: Receiver,
    small_server: SmallServer,
) -> None:
    account_id, client = new_account()
    values = {"name": "n", "url": small_server.url("/small"), "events": [CAMPAIGN.name], "max_per_second": PER_SECOND}
    paced = client.post("/v1/webhooks", values, 201)
    warm_up(deployed, account_id, client, receiver)
    both = [
        Others(deployed, *who, receiver, path)
        for who, path in (((account_id, client), "/same"), (new_account(), "/stranger"))
    ]
    side_by_side(both, lambda published: published < 5)
    alone = side_by_side(both, lambda published: published < 100)
    with ThreadPoolExecutor(1) as pool:
        began = time.time()
        published = pool.submit(publish, deployed, account_id, CAMPAIGN, EVENTS)
        until = time.monotonic() + 2 * EVENTS / PER_SECOND + 60
        arriving = side_by_side(both, lambda _: not published.done() and time.monotonic() < until)
        took_to_publish = published.result() - began
    draining = side_by_side(both, lambda _: len(small_server.event_ids()) < EVENTS and time.monotonic() < until)
    arrived = small_server.received("/small")
    took = arrived[-1].at - arrived[0].at
    busiest = max(Counter(int(post.at) for post in arrived).values())
    print(f"{EVENTS} published in {took_to_publish:.0f} s arrived in {took:.0f} s, {(EVENTS - 1) / took:.1f} a second")
    print(f"in flight {small_server.peak} at most, {busiest} in the busiest second, {small_server.refused} refused")
    for name, found in (("before", alone), ("while it arrives", arriving), ("while it is sent", draining)):
        for whose, each in zip(("the account's other webhook", "another account's"), found, strict=True):
            print(f"{whose}, {name}: p50 {quantile(each, 0.5):.2f} s, p99 {quantile(each, 0.99):.2f} s of {len(each)}")
    assert small_server.refused == 0
    assert small_server.peak <= 2 * PER_SECOND, "what is due in two seconds"
    assert (EVENTS - 1) / took <= 1.1 * PER_SECOND
    posts = small_server.event_ids()
    print(f"{posts.total() - EVENTS} POSTs were repeats")
    assert set(posts) == set(ids(CAMPAIGN, 0, EVENTS))
    assert posts.total() - EVENTS <= EVENTS / 100, "a batch or two of ten that the busy emulator handed out again"
    assert deliveries(client, f"/v1/webhooks/{paced['id']}", status="failed") == []
    # Behind the burst it would wait for half a minute, and the other account's for none.
    for same, stranger in (arriving, draining):
        assert quantile(same, 0.5) <= 2 * quantile(stranger, 0.5)
        assert quantile(same, 0.99) <= 2 * quantile(stranger, 0.99)


def warm_up(deployed: Deployed, account_id: str, client: Client, receiver: Receiver) -> None:
    """As many of each function as the burst needs: their start takes the emulator's whole processor for seconds."""
    webhook = client.post("/v1/webhooks", {"name": "n", "url": receiver.url("/warm"), "events": [WARM_UP.name]}, 201)
    receiver.answer("/warm", Answer(seconds=0.25))
    publish(deployed, account_id, WARM_UP, 4 * _BATCH)
    receiver.wait_for("/warm", 4 * _BATCH, seconds=120)
    client.call("DELETE", f"/v1/webhooks/{webhook['id']}")


def publish(deployed: Deployed, account_id: str, event_type: EventType, count: int) -> float:
    """In batches. Returns when fanout had the last of them."""
    left = [ids(event_type, start, start + _BATCH) for start in range(0, count, _BATCH)]
    under_way: list[tuple[float, list[str]]] = []
    while left or under_way:
        if left and len(under_way) < _UNDER_WAY:
            under_way.append((_publish(deployed, account_id, event_type, left[0]), left.pop(0)))
            continue
        time.sleep(0.1)
        under_way = [(at, batch) for at, batch in under_way if not is_stored(deployed, account_id, batch[-1])]
        if under_way and time.monotonic() - under_way[0][0] > LOST_AFTER:
            _, lost = under_way.pop(0)
            print(f"the emulator has lost the batch of {lost[0]}")
            left.append(lost)
    return time.time()


def _publish(deployed: Deployed, account_id: str, event_type: EventType, batch: Sequence[str]) -> float:
    events = [
        {"account_id": account_id, "event": event_type.name, "data": dict(event_type.example), "id": event_id}
        for event_id in batch
    ]
    deployed.platform.post("/v1/events/batch", {"events": events}, 202)
    return time.monotonic()


def is_stored(deployed: Deployed, account_id: str, event_id: str) -> bool:
    log, table = deployed.outputs.client("dynamodb"), deployed.resources["LogTable"]
    return "Item" in log.get_item(TableName=table, Key=event_key(account_id, event_id), ConsistentRead=True)


def ids(event_type: EventType, start: int, end: int) -> list[str]:
    return [f"{event_type.name.replace('.', '_')}_{number:05}" for number in range(start, end)]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0


def side_by_side(both: Sequence[Others], wanted: Callable[[int], bool]) -> list[list[float]]:
    with ThreadPoolExecutor(len(both)) as pool:
        return list(pool.map(lambda each: each.seconds(wanted), both))


class Others:
    """An account's other events, one after the other, at most four a second."""

    def __init__(self, deployed: Deployed, account_id: str, client: Client, receiver: Receiver, path: str) -> None:
        client.post("/v1/webhooks", {"name": "n", "url": receiver.url(path), "events": [OTHER.name]}, 201)
        self._deployed, self._account_id, self._receiver, self._path = deployed, account_id, receiver, path
        self._bus = deployed.outputs.client("events")
        self._published = 0

    def seconds(self, wanted: Callable[[int], bool]) -> list[float]:
        """How long each took to its endpoint, as long as more than so many are wanted."""
        took: list[float] = []
        while wanted(len(took)):
            self._published += 1
            event_id, at = f"other{self._path[1:]}_{self._published}", time.time()
            self._publish(event_id)
            try:
                took.append(self._receiver.wait_for(self._path, self._published, seconds=LOST_AFTER)[-1].at - at)
            except TimeoutError:
                assert not is_stored(self._deployed, self._account_id, event_id), (
                    "fanout had it, and it does not arrive"
                )
                print(f"the emulator has lost {event_id}")
                self._publish(event_id)
                self._receiver.wait_for(self._path, self._published, seconds=60)
            time.sleep(max(at + 0.25 - time.time(), 0))
        return took

    def _publish(self, event_id: str) -> None:
        detail = {"account_id": self._account_id, "data": dict(OTHER.example), "id": event_id}
        entry = {"Source": "aisoule", "DetailType": OTHER.name, "Detail": json.dumps(detail)}
        name = self._deployed.outputs.event_bus_name
        assert self._bus.put_events(Entries=[entry | {"EventBusName": name}])["FailedEntryCount"] == 0
