"""The clients' calls on that account: only what the functions use. `test_model_cloud.py` compares them with moto."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.model.cloud import Cloud, key_of
from tests.model.expressions import Item, copied, holds, updated


class ConditionalCheckFailedException(ClientError):
    pass


class TransactionCanceledException(ClientError):
    pass


def _is(item: Item, name: str) -> str:
    """The attribute, which sorts before all others if it is absent."""
    return str(item.get(name, {}).get("S", ""))


_QUERIES: dict[tuple[str | None, str], tuple[Callable[[Item, dict[str, str]], bool], Callable[[Item], str]]] = {
    (None, "pk = :pk AND begins_with(sk, :sk)"): (
        lambda item, of: _is(item, "pk") == of[":pk"] and _is(item, "sk").startswith(of[":sk"]),
        lambda item: _is(item, "sk"),
    ),
    (None, "pk = :webhook AND sk > :since"): (
        lambda item, of: _is(item, "pk") == of[":webhook"] and _is(item, "sk") > of[":since"],
        lambda item: _is(item, "sk"),
    ),
    ("due", "due = :due AND due_at <= :at"): (
        lambda item, of: _is(item, "due") == of[":due"] and _is(item, "due_at") <= of[":at"],
        lambda item: _is(item, "due_at"),
    ),
    ("failed", "failed_webhook = :webhook AND sk > :since"): (
        lambda item, of: _is(item, "failed_webhook") == of[":webhook"] and _is(item, "sk") > of[":since"],
        lambda item: _is(item, "sk"),
    ),
    ("due", "due = :webhook AND due_at < :before"): (
        lambda item, of: _is(item, "due") == of[":webhook"] and _is(item, "due_at") < of[":before"],
        lambda item: _is(item, "due_at"),
    ),
}
"""What matches a query, and what it is sorted by."""


@dataclass
class DynamoDB:
    cloud: Cloud

    class exceptions:
        ConditionalCheckFailedException = ConditionalCheckFailedException
        TransactionCanceledException = TransactionCanceledException

    def put_item(self, **request: Any) -> Any:
        act = partial(self._write, request, self._put)
        return self.cloud.boundary("PutItem", act, again=act)

    def update_item(self, **request: Any) -> Any:
        act = partial(self._write, request, self._update)
        return self.cloud.boundary("UpdateItem", act, again=act)

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> Any:
        assert ConsistentRead

        def act() -> Any:
            item = self.cloud.find(TableName, Key)
            return {"Item": item} if item else {}

        return self.cloud.boundary("GetItem", act, again=act)

    def batch_write_item(self, *, RequestItems: Any) -> Any:
        """Deletes; nothing else is asked for."""
        ((table, wanted),) = RequestItems.items()
        keys = [request["DeleteRequest"]["Key"] for request in wanted]
        assert len({key_of(key) for key in keys}) == len(keys) <= 25, "AWS refuses duplicate keys"

        def act(limit: int = 25) -> Any:
            for key in keys[:limit]:
                self.cloud.delete(table, key)
            return {"UnprocessedItems": {table: wanted[limit:]} if wanted[limit:] else {}}

        return self.cloud.boundary("BatchWriteItem", act, partial=partial(act, 1), again=act)

    def query(self, *, TableName: str, **request: Any) -> Any:
        """One page, by the table's key or an index; an index is as new as the table."""
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        matches, place = _QUERIES[request.get("IndexName"), request["KeyConditionExpression"]]

        def act() -> Any:
            found = sorted((i for i in self.cloud.tables[TableName].values() if matches(i, values)), key=place)
            if not request.get("ScanIndexForward", True):
                found.reverse()
            start = request.get("ExclusiveStartKey")
            begin = next((n for n, item in enumerate(found) if start and key_of(item) == key_of(start)), -1) + 1
            page = copied(found[begin : begin + request.get("Limit", 1000)])
            more = len(found) > begin + len(page)
            return {"Items": page, "Count": len(page), **({"LastEvaluatedKey": page[-1]} if more else {})}

        return self.cloud.boundary("Query", act, again=act)

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        wanted = [(table, key) for table, of in RequestItems.items() for key in of["Keys"]]
        assert len({(table, key_of(key)) for table, key in wanted}) == len(wanted) <= 100, "AWS refuses duplicate keys"
        assert all(of["ConsistentRead"] for of in RequestItems.values())

        def act(limit: int = 100) -> Any:
            found: dict[str, list[Item]] = {table: [] for table in RequestItems}
            left: dict[str, Any] = {}
            for table, key in wanted[:limit]:
                if item := self.cloud.find(table, key):
                    found[table].append(item)
            for table, key in wanted[limit:]:
                left.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
            return {"Responses": found, "UnprocessedKeys": left}

        return self.cloud.boundary("BatchGetItem", act, partial=partial(act, 1), again=act)

    def transact_write_items(self, *, TransactItems: Any) -> Any:
        """The SDK's second try changes nothing: it sends the same ClientRequestToken."""
        requests = [next(iter(entry.items())) for entry in TransactItems]

        def act() -> Any:
            failed = [not holds(request, self._stored(request)) for _, request in requests]
            if any(failed):
                old = [
                    self._stored(r) if refused and _wants_old(r) else None
                    for refused, (_, r) in zip(failed, requests, strict=True)
                ]
                raise _cancelled(*("ConditionalCheckFailed" if refused else "None" for refused in failed), old=old)
            for kind, request in requests:
                {"Put": self._put, "Update": self._update, "Delete": self._delete}[kind](request)
            return {}

        def met_another() -> Any:
            raise _cancelled("TransactionConflict", *["None"] * (len(requests) - 1))

        return self.cloud.boundary("TransactWriteItems", act, partial=met_another, again=dict)

    def get_paginator(self, call: str) -> Any:
        assert call == "query"
        return self

    def paginate(self, *, ConsistentRead: bool, **request: Any) -> Any:
        """A query by the beginning of the sort key; items come whole, whatever the projection."""
        assert ConsistentRead
        partition, prefix = (value["S"] for value in request["ExpressionAttributeValues"].values())
        assert re.fullmatch(r"pk = :\w+ AND begins_with\(sk, :\w+\)", request["KeyConditionExpression"])

        def act() -> Any:
            return [{"Items": self.cloud.query(request["TableName"], partition, prefix)}]

        return self.cloud.boundary("Query", act, again=act)

    def _write(self, request: Any, act: Callable[[Any], Any]) -> Any:
        if not holds(request, self._stored(request)):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
            if _wants_old(request) and (old := self._stored(request)):
                error["Item"] = old
            raise ConditionalCheckFailedException(error, "Write")
        return act(request)

    def _put(self, request: Any) -> Any:
        self.cloud.write(request["TableName"], request["Item"])
        return {}

    def _update(self, request: Any) -> Any:
        old = self._stored(request)
        new = updated(request, old)
        self.cloud.write(request["TableName"], new)
        shown = {"ALL_NEW": new, "ALL_OLD": old}.get(request.get("ReturnValues"))
        return {"Attributes": copied(shown)} if shown else {}

    def _delete(self, request: Any) -> Any:
        self.cloud.delete(request["TableName"], request["Key"])
        return {}

    def _stored(self, request: Any) -> Item | None:
        return self.cloud.find(request["TableName"], request.get("Key") or request["Item"])


def _wants_old(request: Any) -> bool:
    return bool(request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


def _cancelled(*codes: str, old: Sequence[Item | None] = ()) -> TransactionCanceledException:
    reasons: list[Any] = [{"Code": code} for code in codes]
    for reason, item in zip(reasons, old, strict=False):
        reason |= {"Item": item} if item else {}
    error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return TransactionCanceledException(error, "TransactWriteItems")


@dataclass
class Sqs:
    cloud: Cloud

    def send_message(self, *, QueueUrl: str, **request: Any) -> Any:
        act = partial(self.cloud.enqueue, QueueUrl, request)
        return self.cloud.boundary("SendMessage", act, again=act)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:
        assert 1 <= len(Entries) <= 10

        def act(refused: int = 0) -> Any:
            for entry in Entries[refused:]:
                self.cloud.enqueue(QueueUrl, entry)
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries[:refused]]} if refused else {}

        return self.cloud.boundary("SendMessageBatch", act, partial=partial(act, 1), again=act)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Any]) -> Any:
        assert 1 <= len(Entries) <= 10

        def act(refused: int = 0) -> Any:
            by_id = {message.id: message for message in self.cloud.queues[QueueUrl].messages}
            for entry in Entries[refused:]:
                assert 0 <= entry["VisibilityTimeout"] <= 43200
                if message := by_id.get(entry["ReceiptHandle"]):
                    message.visible_at = self.cloud.clock.at + timedelta(seconds=entry["VisibilityTimeout"])
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries[:refused]]} if refused else {}

        return self.cloud.boundary("ChangeMessageVisibilityBatch", act, partial=partial(act, 1), again=act)


@dataclass
class Events:
    cloud: Cloud

    def put_events(self, *, Entries: list[Any]) -> Any:
        def act(refused: bool = False) -> Any:
            if not refused:
                self.cloud.publish(Entries)
            answers = [{"ErrorCode": "ThrottlingException"} if refused else {"EventId": "e"} for _ in Entries]
            return {"FailedEntryCount": len(Entries) if refused else 0, "Entries": answers}

        return self.cloud.boundary("PutEvents", act, partial=partial(act, refused=True), again=act)
