"""An account at AWS in memory: tables, queues, the bus, and a clock that only we move.

Every call, and every POST, is a boundary at which a plan can put a fault: see `Cloud.boundary`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.model.expressions import Item, copied

Key = tuple[str, str]
Plan = Mapping[int, str]
"""The number of a boundary, counted from the start of an invocation, and the fault there."""
NONE: Plan = {}
FAULTS = [
    "crash before",
    "crash after",
    "throttled",
    "unreachable",
    "answer lost",
    "answer lost, and the SDK asks again",
    "refused in part",
    "stall",
]
VISIBILITY = timedelta(seconds=180)


class Crashed(BaseException):
    """The process is gone: no handler may swallow it."""


@dataclass
class Clock:
    """Each look moves it by a millisecond, so that no two moments are the same."""

    at: datetime = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)

    def now(self) -> datetime:
        self.sleep(0.001)
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(milliseconds=round(seconds * 1000))


@dataclass
class Message:
    id: str
    request: dict[str, Any]
    visible_at: datetime
    receives: int = 0

    def attribute(self, name: str) -> str:
        return str(self.request["MessageAttributes"][name]["StringValue"])

    def record(self, queue: str) -> dict[str, Any]:
        """As the event source mapping hands it over."""
        attributes = self.request.get("MessageAttributes", {})
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.request["MessageBody"],
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
            "messageAttributes": {name: {"stringValue": value["StringValue"]} for name, value in attributes.items()},
        }


@dataclass(frozen=True)
class Write:
    """
    What an item became, None when it was deleted; whether a person did it; and how many writes there were when the
    invocation that did it began.
    """

    table: str
    key: Key
    item: Item | None
    person: bool
    began: int


@dataclass
class Queue:
    """Of a message that was received `receives` times already, the next receive moves it to the queue `dead`."""

    dead: str | None = None
    receives: int = 0
    messages: list[Message] = field(default_factory=list)


@dataclass
class Running:
    """What runs at the moment: the faults that are planned for it, and how many boundaries it has come to."""

    plan: dict[int, str]
    by_person: bool
    holds_back: str = ""
    """The first call of this name is held back: see `Cloud.held_back`."""
    boundaries: int = 0
    queried: list[Item] = field(default_factory=list)
    """What its queries answered."""


@dataclass
class Cloud:
    clock: Clock = field(default_factory=Clock)
    tables: dict[str, dict[Key, Item]] = field(default_factory=lambda: {"config": {}, "log": {}})
    queues: dict[str, Queue] = field(default_factory=dict)
    on_bus: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """The platform's events that fanout still has to handle, and how often it failed at them."""
    emitted: list[dict[str, Any]] = field(default_factory=list)
    """The operational events on the bus."""
    held_back: list[Callable[[], Any]] = field(default_factory=list)
    """Calls that are still on their way although the process that made them is gone."""
    history: list[Write] = field(default_factory=list)
    meanwhile: Callable[[str], None] = lambda what: None
    """Does what else a plan may hold: something that happens between two steps."""
    began: int = 0
    faults: int = 0
    _sent: int = 0
    _running: Running = field(default_factory=lambda: Running({}, by_person=False))

    @contextmanager
    def running(self, plan: Plan, *, by_person: bool = False, holds_back: str = "") -> Iterator[Running]:
        """One invocation. Nested, the inner one's plan holds."""
        outer, self._running = self._running, Running(dict(plan), by_person, holds_back)
        try:
            yield self._running
        finally:
            self._running = outer

    def boundary(
        self,
        name: str,
        act: Callable[[], Any],
        *,
        partial: Callable[[], Any] | None = None,
        again: Callable[[], Any] | None = None,
    ) -> Any:
        """Runs a call with what the plan has for it. `again` is what the SDK's own second try does; None: it has none."""
        running = self._running
        if name == running.holds_back:
            self.held_back.append(act)
            raise Crashed(name)
        fault = running.plan.pop(running.boundaries, "")
        running.boundaries += 1
        self.faults += bool(fault)
        match fault:
            case "crash before":
                raise Crashed(name)
            case "throttled":
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, name)
            case "unreachable":
                raise ConnectTimeoutError(endpoint_url=name)
            case "stall":
                self.clock.sleep(3)
            case "refused in part" if partial:
                return partial()
            case _ if fault not in ("", *FAULTS):
                self.meanwhile(fault)
        answer = act()
        match fault:
            case "crash after":
                raise Crashed(name)
            case "answer lost":
                raise ReadTimeoutError(endpoint_url=name)
            case "answer lost, and the SDK asks again" if again:
                return again()
        return answer

    def query(self, table: str, partition: str, prefix: str) -> list[Item]:
        """The items whose sort keys begin with the prefix, in their order."""
        keys = sorted(key for key in self.tables[table] if key[0] == partition and key[1].startswith(prefix))
        found = [copied(self.tables[table][key]) for key in keys]
        self._running.queried += found
        return found

    def arrive(self) -> None:
        """What was held back is done now, or refused."""
        with self.running(NONE, by_person=True):
            for act in self.held_back:
                with suppress(ClientError):
                    act()
        self.held_back.clear()

    def publish(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["Source"] == "aisoule":
                event = {"id": "e", "detail-type": entry["DetailType"], "time": "2026-05-29T10:30:00Z"}
                self.on_bus.append((event | {"detail": json.loads(entry["Detail"])}, 0))
            else:
                self.emitted.append(entry)

    def write(self, table: str, item: Item) -> None:
        self.tables[table][key_of(item)] = copied(item)
        self._remember(table, key_of(item), copied(item))

    def delete(self, table: str, key: Item) -> None:
        if self.tables[table].pop(key_of(key), None):
            self._remember(table, key_of(key), None)

    def _remember(self, table: str, key: Key, item: Item | None) -> None:
        self.history.append(Write(table, key, item, self._running.by_person, self.began))

    def find(self, table: str, key: Item) -> Item | None:
        return copied(self.tables[table].get(key_of(key)))

    def enqueue(self, queue: str, request: dict[str, Any]) -> None:
        self._sent += 1
        at = self.clock.at + timedelta(seconds=request.get("DelaySeconds", 0))
        self.queues[queue].messages.append(Message(f"m{self._sent}", copied(request), at))

    def receive(self, name: str, *, limit: int = 10) -> list[dict[str, Any]]:
        """A batch for a function."""
        queue = self.queues[name]
        records: list[dict[str, Any]] = []
        for message in list(queue.messages):
            if message.visible_at > self.clock.at or len(records) == limit:
                continue
            if queue.dead and message.receives >= queue.receives:
                queue.messages.remove(message)
                self.queues[queue.dead].messages.append(Message(message.id, message.request, self.clock.at))
                continue
            message.receives += 1
            message.visible_at = self.clock.at + VISIBILITY
            records.append(message.record(name))
        return records

    def acknowledge(self, queue: str, records: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        """What Lambda does with a partial batch response."""
        stays = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        gone = {record["messageId"] for record in records} - stays
        messages = self.queues[queue].messages
        messages[:] = [message for message in messages if message.id not in gone]


def key_of(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
