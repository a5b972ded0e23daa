"""The index of the log table with the webhooks for which `deliver.release` has something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhooks.item_keys import owner_id
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DUE = "due"
"""The index, and the partition of it. `due_at` is when an item is due."""


def read_due(client: DynamoDBClient, table: str, *, limit: int) -> list[tuple[str, str]]:
    """
    At most `limit` webhooks, the longest due first, each with what is to be done: PACE if something waits, or CATCH_UP. The
    index is a moment behind the table.
    """
    query: Any = {
        "TableName": table,
        "IndexName": DUE,
        "KeyConditionExpression": "due = :due AND due_at <= :at",
        "ExpressionAttributeValues": {":due": {"S": DUE}, ":at": {"S": rfc3339(now())}},
    }
    found: list[tuple[str, str]] = []
    while len(found) < limit:
        answer = client.query(**query, Limit=limit - len(found))
        found += [(owner_id(item), item["sk"]["S"]) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            break
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return found
