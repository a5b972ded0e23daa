"""Many items in one strongly consistent read, or deleted in one write."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES = 4
DELETED_AT_ONCE = 25
"""DynamoDB takes no more in one BatchWriteItem."""


class UnprocessedKeys(Exception):
    """DynamoDB left keys unread or undeleted every time: a fault on our side."""


def batch_get(client: DynamoDBClient, keys: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    """
    The items by table, in no order; those that do not exist are left out. What is left unprocessed is asked for again.

    `keys` by table: distinct, 1 to 100 in all. Raises UnprocessedKeys.
    """
    items: dict[str, list[dict[str, Any]]] = {table: [] for table in keys}
    wanted: Any = {table: {"Keys": list(of_table), "ConsistentRead": True} for table, of_table in keys.items()}
    for tried in range(_TRIES):
        _pause(tried)
        answer = client.batch_get_item(RequestItems=wanted)
        for table, found in answer["Responses"].items():
            items[table] += found
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return items
    raise UnprocessedKeys(f"keys of {sorted(wanted)} left unprocessed {_TRIES} times")


def batch_delete(client: DynamoDBClient, table: str, keys: Sequence[Any]) -> None:
    """
    Deletes the items, whatever they hold; those that do not exist are no error. What is left unprocessed is asked for again.

    `keys`: distinct, any number. Raises UnprocessedKeys when some may be left.
    """
    for start in range(0, len(keys), DELETED_AT_ONCE):
        wanted: Any = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + DELETED_AT_ONCE]]
        for tried in range(_TRIES):
            _pause(tried)
            wanted = client.batch_write_item(RequestItems={table: wanted})["UnprocessedItems"].get(table)
            if not wanted:
                break
        else:
            raise UnprocessedKeys(f"{len(wanted)} keys of {table} left undeleted {_TRIES} times")


def _pause(tried: int) -> None:
    if tried:
        time.sleep(random.uniform(0, 0.05 * 2**tried))
