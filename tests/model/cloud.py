"""An account at AWS in memory: tables, queues, the bus, and a clock that only we move.

Every call, and every POST, is a boundary at which a plan can put a fault: see `Cloud.boundary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

Item = dict[str, Any]
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

    def record(self) -> dict[str, Any]:
        """As the event source mapping hands it over."""
        attributes = self.request.get("MessageAttributes", {})
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.request["MessageBody"],
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
class Cloud:
    clock: Clock = field(default_factory=Clock)
    tables: dict[str, dict[Key, Item]] = field(default_factory=lambda: {"config": {}, "log": {}})
    queues: dict[str, list[Message]] = field(default_factory=lambda: {"delivery": [], "dead": [], "rejected": []})
    told: list[dict[str, Any]] = field(default_factory=list)
    history: list[Write] = field(default_factory=list)
    queried: list[Item] = field(default_factory=list)
    """What the last query answered."""
    meanwhile: Callable[[str], None] = lambda what: None
    """Does what else a plan may hold: something that happens between two steps."""
    began: int = 0
    faults: int = 0
    _sent: int = 0
    _plan: dict[int, str] = field(default_factory=dict)
    _boundaries: int = 0

    @contextmanager
    def planned(self, plan: Plan) -> Iterator[None]:
        """For one invocation. Nested, the inner one's holds."""
        before = self._plan, self._boundaries
        self._plan, self._boundaries = dict(plan), 0
        try:
            yield
        finally:
            self._plan, self._boundaries = before

    def boundary(
        self,
        name: str,
        act: Callable[[], Any],
        *,
        partial: Callable[[], Any] | None = None,
        again: Callable[[], Any] | None = None,
    ) -> Any:
        """Runs a call with what the plan has for it. `again` is what the SDK's own second try does; None: it has none."""
        fault = self._plan.pop(self._boundaries, "")
        self._boundaries += 1
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

    def write(self, table: str, item: Item, *, person: bool = False) -> None:
        key = key_of(item)
        self.tables[table][key] = deepcopy(item)
        self.history.append(Write(table, key, deepcopy(item), person, self.began))

    def delete(self, table: str, key: Item) -> None:
        if self.tables[table].pop(key_of(key), None):
            self.history.append(Write(table, key_of(key), None, True, self.began))

    def find(self, table: str, key: Item) -> Item | None:
        return deepcopy(self.tables[table].get(key_of(key)))

    def enqueue(self, queue: str, request: dict[str, Any]) -> None:
        self._sent += 1
        at = self.clock.at + timedelta(seconds=request.get("DelaySeconds", 0))
        self.queues[queue].append(Message(f"m{self._sent}", deepcopy(request), at))

    def receive(
        self, queue: str, *, most: int = 10, dead: str | None = None, receives: int = 0
    ) -> list[dict[str, Any]]:
        """A batch for a function. What was received `receives` times already moves to the queue `dead` instead."""
        records: list[dict[str, Any]] = []
        for message in list(self.queues[queue]):
            if message.visible_at > self.clock.at or len(records) == most:
                continue
            if dead and message.receives >= receives:
                self.queues[queue].remove(message)
                self.queues[dead].append(Message(message.id, message.request, self.clock.at))
                continue
            message.receives += 1
            message.visible_at = self.clock.at + VISIBILITY
            records.append(message.record())
        return records

    def acknowledge(self, queue: str, records: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        """What Lambda does with a partial batch response."""
        stays = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        gone = {record["messageId"] for record in records} - stays
        self.queues[queue] = [message for message in self.queues[queue] if message.id not in gone]


def key_of(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
