"""DynamoDB, SQS, EventBridge and the network as the functions see them, in memory, with a clock that only we move.

Only what the functions use is here, and `test_model_cloud.py` compares it with moto. Every call, and every POST, is a
boundary at which a plan can put a fault: see `Cloud.boundary`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Plan = Mapping[int, str]
"""The number of a boundary, counted from the start of an invocation, and the fault there."""
NONE: Plan = {}


class Crashed(BaseException):
    """The process is gone: no handler may swallow it."""


class ConditionalCheckFailedException(ClientError):
    pass


class TransactionCanceledException(ClientError):
    pass


@dataclass
class Message:
    id: str
    request: dict[str, Any]
    visible_at: datetime
    receives: int = 0


@dataclass
class Clock:
    at: datetime = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Cloud:
    clock: Clock = field(default_factory=Clock)
    tables: dict[str, dict[tuple[str, str], Item]] = field(default_factory=lambda: {"config": {}, "log": {}})
    queues: dict[str, list[Message]] = field(default_factory=lambda: {"delivery": [], "dead": [], "rejected": []})
    told: list[dict[str, Any]] = field(default_factory=list)
    on_overlap: Callable[[], None] = lambda: None
    faults: int = 0
    sent: int = 0
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

    def boundary(self, name: str, act: Callable[[], Any], partial: Callable[[], Any] | None = None) -> Any:
        """
        Runs a call, or what the plan has in its place: `crash before` or `after` it, an `error before` it (throttled) or
        `after` it (done, but the answer is lost), a `partial` failure of a batch, an `overlap` with another invocation.
        """
        fault = self._plan.pop(self._boundaries, "")
        self._boundaries += 1
        self.faults += bool(fault)
        if fault == "overlap":
            self.on_overlap()
        if fault == "crash before":
            raise Crashed(name)
        if fault == "error before":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, name)
        answer = partial() if fault == "partial" and partial else act()
        if fault == "crash after":
            raise Crashed(name)
        if fault == "error after":
            raise ClientError({"Error": {"Code": "RequestTimeout", "Message": "no answer"}}, name)
        return answer

    def receive(self, queue: str, *, most: int, dead: str | None = None, receives: int = 0) -> list[dict[str, Any]]:
        """A batch for a function. Beyond `receives`, the message moves to the queue `dead` instead."""
        records: list[dict[str, Any]] = []
        for message in list(self.queues[queue]):
            if message.visible_at > self.clock.at or len(records) == most:
                continue
            message.receives += 1
            if dead and message.receives > receives:
                self.queues[queue].remove(message)
                self.queues[dead].append(Message(message.id, message.request, self.clock.at))
                continue
            message.visible_at = self.clock.at + timedelta(seconds=180)
            records.append(_record(message))
        return records

    def acknowledge(self, queue: str, records: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        """What Lambda does with a partial batch response."""
        stays = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        gone = {record["messageId"] for record in records} - stays
        self.queues[queue] = [message for message in self.queues[queue] if message.id not in gone]

    def enqueue(self, queue: str, request: dict[str, Any]) -> None:
        self.sent += 1
        at = self.clock.at + timedelta(seconds=request.get("DelaySeconds", 0))
        self.queues[queue].append(Message(f"m{self.sent}", deepcopy(request), at))


def _record(message: Message) -> dict[str, Any]:
    attributes = message.request.get("MessageAttributes", {})
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.request["MessageBody"],
        "messageAttributes": {name: {"stringValue": value["StringValue"]} for name, value in attributes.items()},
    }


@dataclass
class DynamoDB:
    cloud: Cloud

    class exceptions:
        ConditionalCheckFailedException = ConditionalCheckFailedException
        TransactionCanceledException = TransactionCanceledException

    def put_item(self, **request: Any) -> Any:
        return self.cloud.boundary("PutItem", lambda: self._write(request, self._put))

    def update_item(self, **request: Any) -> Any:
        return self.cloud.boundary("UpdateItem", lambda: self._write(request, self._update))

    def get_item(self, **request: Any) -> Any:
        def act() -> Any:
            item = self._find(request["TableName"], request["Key"])
            return {"Item": deepcopy(item)} if item else {}

        return self.cloud.boundary("GetItem", act)

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        def act(most: int = 100) -> Any:
            found: dict[str, list[Item]] = {table: [] for table in RequestItems}
            left: dict[str, Any] = {}
            for table, wanted in RequestItems.items():
                assert len({_key(key) for key in wanted["Keys"]}) == len(wanted["Keys"]), "duplicate keys"
                for key in wanted["Keys"]:
                    if most == 0:
                        left.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
                        continue
                    most -= 1
                    if item := self._find(table, key):
                        found[table].append(deepcopy(item))
            return {"Responses": found, "UnprocessedKeys": left}

        return self.cloud.boundary("BatchGetItem", act, lambda: act(1))

    def transact_write_items(self, *, TransactItems: Any) -> Any:
        def act() -> Any:
            requests = [next(iter(entry.items())) for entry in TransactItems]
            reasons = [{"Code": "None" if self._holds(r) else "ConditionalCheckFailed"} for _, r in requests]
            if any(reason["Code"] != "None" for reason in reasons):
                error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
                raise TransactionCanceledException(error, "TransactWriteItems")
            for kind, request in requests:
                {"Put": self._put, "Update": self._update}[kind](request)
            return {}

        return self.cloud.boundary("TransactWriteItems", act)

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **request: Any) -> Any:
        """A query by the beginning of the sort key."""

        def act() -> Any:
            partition, prefix = (value["S"] for value in request["ExpressionAttributeValues"].values())
            table = self.cloud.tables[request["TableName"]]
            return [
                {"Items": [deepcopy(i) for (pk, sk), i in table.items() if pk == partition and sk.startswith(prefix)]}
            ]

        return self.cloud.boundary("Query", act)

    def _write(self, request: Any, act: Callable[[Any], Any]) -> Any:
        if not self._holds(request):
            item = self._find(request["TableName"], request.get("Key") or request["Item"])
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": deepcopy(item)}
            raise ConditionalCheckFailedException(error, "Write")
        return act(request)

    def _find(self, table: str, key: Any) -> Item | None:
        return self.cloud.tables[table].get(_key(key))

    def _put(self, request: Any) -> Any:
        self.cloud.tables[request["TableName"]][_key(request["Item"])] = deepcopy(request["Item"])
        return {}

    def _update(self, request: Any) -> Any:
        item = self._find(request["TableName"], request["Key"])
        assert item is not None
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        sets, _, removes = request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
        for assignment in sets.split(", "):
            name, value = assignment.split(" = ")
            item[names.get(name, name)] = values[value]
        for name in filter(None, removes.split(", ")):
            item.pop(names.get(name, name), None)
        return {}

    def _holds(self, request: Any) -> bool:
        item = self._find(request["TableName"], request.get("Key") or request["Item"]) or {}
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})

        def holds(condition: str) -> bool:
            if absent := re.fullmatch(r"attribute_not_exists\((\w+)\)", condition):
                return absent[1] not in item
            name, value = condition.split(" = ")
            return bool(item.get(names.get(name, name)) == values[value])

        return all(holds(condition) for condition in request["ConditionExpression"].split(" AND "))


@dataclass
class Sqs:
    cloud: Cloud

    def send_message(self, *, QueueUrl: str, **request: Any) -> Any:
        return self.cloud.boundary("SendMessage", lambda: self.cloud.enqueue(QueueUrl, request))

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:
        def act(refused: int = 0) -> Any:
            for entry in Entries[refused:]:
                self.cloud.enqueue(QueueUrl, entry)
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries[:refused]]}

        return self.cloud.boundary("SendMessageBatch", act, lambda: act(1))

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:
        def act(refused: int = 0) -> Any:
            by_id = {message.id: message for message in self.cloud.queues[QueueUrl]}
            for entry in Entries[refused:]:
                assert 0 <= entry["VisibilityTimeout"] <= 43200
                if message := by_id.get(entry["ReceiptHandle"]):
                    message.visible_at = self.cloud.clock.at + timedelta(seconds=entry["VisibilityTimeout"])
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries[:refused]]}

        return self.cloud.boundary("ChangeMessageVisibilityBatch", act, lambda: act(1))


@dataclass
class Events:
    cloud: Cloud

    def put_events(self, *, Entries: list[Any]) -> Any:
        def act(refused: bool = False) -> Any:
            if not refused:
                self.cloud.told.extend(Entries)
            return {"FailedEntryCount": int(refused), "Entries": [{"ErrorCode": "Throttled"} for _ in Entries]}

        return self.cloud.boundary("PutEvents", act, lambda: act(refused=True))


def _key(item: Any) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
