"""The clients' calls on that account: only what the functions use. `test_model_cloud.py` compares them with moto."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.model.cloud import Cloud, Item, key_of


class ConditionalCheckFailedException(ClientError):
    pass


class TransactionCanceledException(ClientError):
    pass


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

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        wanted = [(table, key) for table, of in RequestItems.items() for key in of["Keys"]]
        assert len({(table, key_of(key)) for table, key in wanted}) == len(wanted) <= 100, "AWS refuses duplicate keys"
        assert all(of["ConsistentRead"] for of in RequestItems.values())

        def act(most: int = 100) -> Any:
            found: dict[str, list[Item]] = {table: [] for table in RequestItems}
            left: dict[str, Any] = {}
            for table, key in wanted[:most]:
                if item := self.cloud.find(table, key):
                    found[table].append(item)
            for table, key in wanted[most:]:
                left.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
            return {"Responses": found, "UnprocessedKeys": left}

        return self.cloud.boundary("BatchGetItem", act, partial=partial(act, 1), again=act)

    def transact_write_items(self, *, TransactItems: Any) -> Any:
        """The SDK's second try changes nothing: it sends the same ClientRequestToken."""

        def act() -> Any:
            requests = [next(iter(entry.items())) for entry in TransactItems]
            reasons = ["None" if self._holds(request) else "ConditionalCheckFailed" for _, request in requests]
            if set(reasons) != {"None"}:
                raise _cancelled(*reasons)
            for kind, request in requests:
                {"Put": self._put, "Update": self._update}[kind](request)
            return {}

        def met_another() -> Any:
            raise _cancelled("TransactionConflict", "None")

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
            table = self.cloud.tables[request["TableName"]]
            keys = sorted(key for key in table if key[0] == partition and key[1].startswith(prefix))
            self.cloud.queried = [deepcopy(table[key]) for key in keys]
            return [{"Items": self.cloud.queried}]

        return self.cloud.boundary("Query", act, again=act)

    def _write(self, request: Any, act: Callable[[Any], Any]) -> Any:
        if not self._holds(request):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
            if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                error["Item"] = self.cloud.find(request["TableName"], request.get("Key") or request["Item"])
            raise ConditionalCheckFailedException(error, "Write")
        return act(request)

    def _put(self, request: Any) -> Any:
        self.cloud.write(request["TableName"], request["Item"])
        return {}

    def _update(self, request: Any) -> Any:
        """`SET name = :value, … REMOVE name, …`"""
        item = self.cloud.find(request["TableName"], request["Key"])
        assert item is not None
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        sets, _, removes = request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
        for assignment in sets.split(", "):
            name, value = assignment.split(" = ")
            item[names.get(name, name)] = values[value]
        for name in filter(None, removes.split(", ")):
            item.pop(names.get(name, name), None)
        self.cloud.write(request["TableName"], item)
        return {}

    def _holds(self, request: Any) -> bool:
        """`attribute_not_exists(name)` and `name = :value`, joined by AND."""
        item = self.cloud.find(request["TableName"], request.get("Key") or request["Item"]) or {}
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})

        def holds(condition: str) -> bool:
            if absent := re.fullmatch(r"attribute_not_exists\((\w+)\)", condition):
                return absent[1] not in item
            name, value = condition.split(" = ")
            return bool(item.get(names.get(name, name)) == values[value])

        return all(holds(condition) for condition in request["ConditionExpression"].split(" AND "))


def _cancelled(*codes: str) -> TransactionCanceledException:
    reasons = [{"Code": code} for code in codes]
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
            by_id = {message.id: message for message in self.cloud.queues[QueueUrl]}
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
                self.cloud.told.extend(Entries)
            answers = [{"ErrorCode": "ThrottlingException"} if refused else {"EventId": "e"} for _ in Entries]
            return {"FailedEntryCount": len(Entries) if refused else 0, "Entries": answers}

        return self.cloud.boundary("PutEvents", act, partial=partial(act, refused=True), again=act)
