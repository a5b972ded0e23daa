"""The items that are left of an erased account when its keys and webhooks are deleted, for `deliver.erase` to delete."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.clients import client
from webhooks.errors import Conflict
from webhooks.expressions import begins_with
from webhooks.item_keys import (
    deleted_webhook_key,
    delivery_key,
    event_key,
    notifications_key,
    pace_key,
    rate_limit_key,
    received_key,
    recent_request_key,
    webhook_count_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE = 250
"""Deliveries, ten batches."""


class AccountItems:
    def __init__(self, client: DynamoDBClient, config_table: str, log_table: str) -> None:
        self._client = client
        self._config_table = config_table
        self._log_table = log_table

    def deleted_webhook(self, account_id: str) -> str | None:
        """The id of one of the account's deleted webhooks, if there is any that is not forgotten yet."""
        key = deleted_webhook_key(account_id, "")
        answer = self._client.query(TableName=self._config_table, **begins_with(key), ConsistentRead=True, Limit=1)
        return answer["Items"][0]["sk"]["S"].partition("#")[2] if answer["Items"] else None

    def logged(self, account_id: str, webhook_id: str) -> tuple[list[Any], list[Any]]:
        """A page of a deleted webhook's items in the log table: the keys of the deliveries, and of their events."""
        deliveries = self._keys_in(self._log_table, delivery_key(webhook_id, ""))
        return deliveries, _events(account_id, deliveries, place=1)

    def waiting(self, account_id: str, webhook_id: str) -> tuple[list[Any], list[Any]]:
        """
        The same of its pace, of what waits because of that, of its catching up, and of what its test address has received.
        """
        kept = self._keys_in(self._log_table, pace_key(webhook_id))
        kept = kept or self._keys_in(self._log_table, received_key(webhook_id, 0))
        return kept, _events(account_id, kept, place=2)

    def counters(self, account_id: str) -> list[Any]:
        """
        Keys of a page of the rate limits' counters, of recent requests, and of what is known of mails, in the config table.
        """
        partitions = (
            rate_limit_key(account_id, "", 0),
            recent_request_key(account_id, ""),
            notifications_key(account_id),
        )
        pages = (self._keys_in(self._config_table, key) for key in partitions)
        return next(filter(None, pages), [])

    def forget_webhook(self, account_id: str, webhook_id: str) -> None:
        """Nothing is left of the deleted webhook."""
        self._client.delete_item(TableName=self._config_table, Key=deleted_webhook_key(account_id, webhook_id))

    def forget_count(self, account_id: str) -> None:
        """Deletes the webhook counter of an account without webhooks. Raises Conflict if it has one."""
        try:
            self._client.delete_item(
                TableName=self._config_table,
                Key=webhook_count_key(account_id),
                ConditionExpression="attribute_not_exists(pk) OR webhooks <= :none",
                ExpressionAttributeValues={":none": {"N": "0"}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise Conflict("the account has webhooks") from None

    def _keys_in(self, table: str, key: Any) -> list[Any]:
        """Returns the keys of a page of the items in the partition."""
        answer = self._client.query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": key["pk"]},
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
            Limit=_PAGE,
        )
        return list(answer["Items"])


def _events(account_id: str, keys: Sequence[Any], *, place: int) -> list[Any]:
    """Keys of the events whose ids are in the sort keys, after so many `#`; each once."""
    parts = [key["sk"]["S"].split("#") for key in keys]
    return [event_key(account_id, event_id) for event_id in {of[place]: None for of in parts if len(of) > place}]


@cache
def account_items() -> AccountItems:
    return AccountItems(client("dynamodb"), os.environ["CONFIG_TABLE"], os.environ["LOG_TABLE"])
