"""
The address that gets a mail when one of an account's webhooks begins to fail, and what was sent there lately. In partitions
of their own of the config table, which hold nothing else: whoever sends the mails can read neither keys nor secrets.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.clients import client
from webhooks.conflicts import transact
from webhooks.item_keys import mail_count_key, mailed_key, notifications_key
from webhooks.times import now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAILED_EVERY = timedelta(days=1)
"""The least time between two mails about a webhook."""

MAILS_PER_DAY = 20
"""Mails to an account in a day by UTC, at most: webhooks can be deleted and made anew."""


@dataclass(frozen=True, slots=True)
class Notifications:
    email: str | None = None
    enabled: bool = True

    def recipient(self) -> str | None:
        """None if no mail is to be sent."""
        return self.email if self.enabled else None


class NotificationTable:
    def __init__(self, client: DynamoDBClient, config_table: str) -> None:
        self._client = client
        self._table = config_table

    def read(self, account_id: str) -> Notifications:
        answer = self._client.get_item(TableName=self._table, Key=notifications_key(account_id), ConsistentRead=True)
        values = from_item(answer.get("Item", {}))
        return Notifications(values.get("email"), values.get("enabled", True))

    def save(self, account_id: str, notifications: Notifications) -> None:
        values = {"email": notifications.email, "enabled": notifications.enabled}
        self._client.put_item(TableName=self._table, Item=notifications_key(account_id) | to_item(values))

    def forget(self, account_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key=notifications_key(account_id))

    def reserve(self, account_id: str, webhook_id: str) -> bool:
        """
        Returns whether a mail about the webhook may be sent now. If so, it counts as sent: nobody else may send one until
        `MAILED_EVERY` later, unless it is released.
        """
        at = now()
        put: Any = {
            "TableName": self._table,
            "Item": mailed_key(account_id, webhook_id) | to_item({"expires_at": int((at + MAILED_EVERY).timestamp())}),
            # DynamoDB deletes what has expired within days.
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": to_item({":now": int(at.timestamp())}),
        }
        count: Any = {
            "TableName": self._table,
            "Key": mail_count_key(account_id, f"{at:%Y-%m-%d}"),
            "UpdateExpression": "ADD mails :one SET expires_at = :expires",
            "ConditionExpression": "attribute_not_exists(mails) OR mails < :limit",
            "ExpressionAttributeValues": to_item(
                {":one": 1, ":limit": MAILS_PER_DAY, ":expires": int((at + timedelta(days=2)).timestamp())}
            ),
        }
        return transact(self._client, {"Put": put}, {"Update": count})

    def release(self, account_id: str, webhook_id: str) -> None:
        """Gives up what one has reserved oneself, if no mail was sent. It stays counted for the account's day."""
        self._client.delete_item(TableName=self._table, Key=mailed_key(account_id, webhook_id))


@cache
def notification_table() -> NotificationTable:
    return NotificationTable(client("dynamodb"), os.environ["CONFIG_TABLE"])
