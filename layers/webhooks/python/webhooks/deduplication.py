"""Detects duplicate requests within an hour."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.clients import client
from webhooks.item_keys import recent_request_key
from webhooks.times import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 3600


class RecentRequests:
    """Requests of accounts, kept in the config table for an hour."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def seen_recently(self, account_id: str, request: str) -> bool:
        """Records the request. Returns whether it had been recorded within the last hour; atomic."""
        at = int(now().timestamp())
        answer = self._client.update_item(
            TableName=self._table,
            Key=recent_request_key(account_id, request),
            UpdateExpression="SET expires_at = :expires",
            ExpressionAttributeValues={":expires": {"N": str(at + _KEPT_SECONDS)}},
            ReturnValues="ALL_OLD",
        )
        return _is_recent(answer.get("Attributes", {}), at)

    def is_recorded(self, account_id: str, request: str) -> bool:
        """Returns the same without recording the request."""
        answer = self._client.get_item(
            TableName=self._table, Key=recent_request_key(account_id, request), ConsistentRead=True
        )
        return _is_recent(answer.get("Item", {}), int(now().timestamp()))


def _is_recent(item: Mapping[str, Any], at: int) -> bool:
    return int(item.get("expires_at", {}).get("N", "0")) > at


@cache
def recent_requests() -> RecentRequests:
    return RecentRequests(client("dynamodb"), os.environ["CONFIG_TABLE"])
