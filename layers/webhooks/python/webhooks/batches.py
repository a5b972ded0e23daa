"""Many items in one strongly consistent read."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES = 4


class UnprocessedKeys(Exception):
    """DynamoDB left keys unread every time: a fault on our side."""


def batch_get(client: DynamoDBClient, keys: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    """
    The items by table, in no order; those that do not exist are left out. What is left unprocessed is asked for again.

    `keys` by table: distinct, 1 to 100 in all. Raises UnprocessedKeys.
    """
    items: dict[str, list[dict[str, Any]]] = {table: [] for table in keys}
    wanted: Any = {table: {"Keys": list(of_table), "ConsistentRead": True} for table, of_table in keys.items()}
    for tried in range(_TRIES):
        if tried:
            time.sleep(random.uniform(0, 0.05 * 2**tried))
        answer = client.batch_get_item(RequestItems=wanted)
        for table, found in answer["Responses"].items():
            items[table] += found
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return items
    raise UnprocessedKeys(f"keys of {sorted(wanted)} left unprocessed {_TRIES} times")
