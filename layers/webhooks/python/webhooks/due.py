"""
The index `due` of the log table: what something is to be done about, and when (`due_at`). Its partitions are

- `RELEASE`: webhooks for which `deliver.release` has something to do,
- `ERASE`: accounts that `deliver.erase` erases,
- and, for each webhook, its id: its pending deliveries (`webhooks.log_queries`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from webhooks.item_keys import is_catch_up, owner_id
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "due"

RELEASE = "due"
ERASE = "erase"

DueKind = Literal["pace", "catch_up"]


class DueWebhooks:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, *, limit: int) -> list[tuple[str, DueKind]]:
        """
        Returns webhooks, the longest due first, each with what is due: its `pace` if something waits, or its `catch_up`.
        """
        items = read_due(self._client, self._table, RELEASE, limit=limit)
        return [(owner_id(item), "catch_up" if is_catch_up(item) else "pace") for item in items]


def read_due(client: DynamoDBClient, table: str, partition: str, *, limit: int) -> list[dict[str, Any]]:
    """Returns the keys of at most `limit` items, the longest due first. The index is a moment behind the table."""
    query: Any = {
        "TableName": table,
        "IndexName": INDEX,
        "KeyConditionExpression": "due = :due AND due_at <= :at",
        "ExpressionAttributeValues": {":due": {"S": partition}, ":at": {"S": rfc3339(now())}},
    }
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        answer = client.query(**query, Limit=limit - len(found))
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            break
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return found
