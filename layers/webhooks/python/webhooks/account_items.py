"""Deletes the items that are left of an erased account when its keys and webhooks are deleted, for `deliver.erase`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.batches import DELETED_AT_ONCE, batch_delete
from webhooks.clients import client
from webhooks.delivery_places import accepted_event
from webhooks.errors import Conflict
from webhooks.expressions import begins_with
from webhooks.item_keys import (
    deleted_webhook_id,
    deleted_webhook_key,
    delivery_key,
    event_key,
    is_waiting,
    notifications_key,
    pace_key,
    rate_limit_key,
    received_key,
    recent_request_key,
    waiting_event,
    webhook_count_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE = 250
"""Deliveries, ten batches."""

_pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="erase")


class AccountItems:
    def __init__(self, client: DynamoDBClient, config_table: str, log_table: str) -> None:
        self._client = client
        self._config_table = config_table
        self._log_table = log_table

    def deleted_webhook(self, account_id: str) -> str | None:
        """The id of one of the account's deleted webhooks, if there is any that is not forgotten yet."""
        key = deleted_webhook_key(account_id, "")
        answer = self._client.query(TableName=self._config_table, **begins_with(key), ConsistentRead=True, Limit=1)
        return deleted_webhook_id(answer["Items"][0]) if answer["Items"] else None

    def delete_deliveries(self, account_id: str, webhook_id: str) -> int:
        """
        Deletes a page of a deleted webhook's deliveries, and before that their events, which nothing else may name. Returns
        how many deliveries these were.
        """
        deliveries = self._keys_in(self._log_table, delivery_key(webhook_id, ""))
        self._delete_events(account_id, [accepted_event(key["sk"]["S"])[1] for key in deliveries])
        self._delete(self._log_table, deliveries)
        return len(deliveries)

    def delete_pace_and_inbox(self, account_id: str, webhook_id: str) -> bool:
        """
        Deletes a page of a deleted webhook's pace, of what waits because of that with its events, of its catching up, and of
        what its test address has received. Returns whether there was any.
        """
        keys = self._keys_in(self._log_table, pace_key(webhook_id))
        keys = keys or self._keys_in(self._log_table, received_key(webhook_id, 0))
        waiting = filter(is_waiting, (key["sk"]["S"] for key in keys))
        self._delete_events(account_id, [waiting_event(key)[1] for key in waiting])
        self._delete(self._log_table, keys)
        return bool(keys)

    def delete_counters(self, account_id: str) -> bool:
        """
        Deletes a page of the rate limits' counters, of recent requests, or of what is known of mails. Returns whether there
        was any.
        """
        partitions = (
            rate_limit_key(account_id, "", 0),
            recent_request_key(account_id, ""),
            notifications_key(account_id),
        )
        pages = (self._keys_in(self._config_table, key) for key in partitions)
        keys = next(filter(None, pages), [])
        self._delete(self._config_table, keys)
        return bool(keys)

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

    def _delete_events(self, account_id: str, event_ids: Sequence[str]) -> None:
        """Each once: several deliveries may be of one event."""
        self._delete(self._log_table, [event_key(account_id, event_id) for event_id in dict.fromkeys(event_ids)])

    def _delete(self, table: str, keys: Sequence[Any]) -> None:
        batches = [keys[start : start + DELETED_AT_ONCE] for start in range(0, len(keys), DELETED_AT_ONCE)]
        list(_pool.map(lambda batch: batch_delete(self._client, table, batch), batches))


@cache
def account_items() -> AccountItems:
    return AccountItems(client("dynamodb"), os.environ["CONFIG_TABLE"], os.environ["LOG_TABLE"])
