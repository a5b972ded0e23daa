"""What an erasure deletes of an account: first what is in use, at once; later what is in the log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from webhooks.api_keys import KeyTable
from webhooks.clients import client
from webhooks.config_table import ConfigTable
from webhooks.erasures import Erasures
from webhooks.errors import NotFound
from webhooks.items import (
    delivery_key,
    event_key,
    notifications_key,
    pace_key,
    rate_limit_key,
    received_key,
    recent_request_key,
)
from webhooks.models import Webhook
from webhooks.notifications import NotificationTable, notification_table
from webhooks.subscription_changes import SubscriptionChanges
from webhooks.tables import config_table, erasures

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE = 250
"""Deliveries, ten batches."""


class AccountData:
    """
    `delay`: the log is erased so long after the last webhook was deleted. By then, every invocation that has read one is
    over.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        log_table: str,
        *,
        config: ConfigTable,
        keys: KeyTable,
        notifications: NotificationTable,
        subscriptions: SubscriptionChanges,
        erasures: Erasures,
        delay: timedelta,
    ) -> None:
        self._client = client
        self._log_table = log_table
        self._config = config
        self._keys = keys
        self._notifications = notifications
        self._subscriptions = subscriptions
        self._erasures = erasures
        self._delay = delay

    def begin_erasure(self, account_id: str, *, until: float) -> None:
        """Begins it, unless it is under way. What is not done at the time `until` of `monotonic()` is done later."""
        self._erasures.begin(account_id, delay=self._delay)
        self.close(account_id, until=until)

    def close(self, account_id: str, *, until: float) -> bool:
        """
        Revokes the keys, then deletes the address for mails and the webhooks. Returns whether there was no key and no
        webhook.
        """
        closed = True
        while monotonic() < until and (revoked := self._keys.revoke_all(account_id)):
            self._erasures.count(account_id, "keys", revoked)
            closed = False
        self._notifications.forget(account_id)
        while monotonic() < until and (page := self._config.webhooks(account_id, limit=25)[0]):
            self._erasures.postpone(account_id, delay=self._delay)
            with self._subscriptions.changing(account_id):
                deleted = sum(map(self._delete, page))
            self._erasures.count(account_id, "webhooks", deleted)
            closed = False
        return closed and monotonic() < until

    def _delete(self, webhook: Webhook) -> bool:
        try:
            self._config.delete_webhook(webhook.account_id, webhook.id, inbox=webhook.inbox)
        except NotFound:  # by somebody else, at this moment
            return False
        return True

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
        pages = (self._keys_in(self._config.name, key) for key in partitions)
        return next(filter(None, pages), [])

    def forget_account(self, account_id: str) -> None:
        """Of an account without webhooks. Raises Conflict if it has one."""
        self._config.forget_count(account_id)
        self._subscriptions.forget(account_id)

    def _keys_in(self, table: str, key: Any) -> list[Any]:
        """Of a page of the items in the key's partition."""
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
def account_data() -> AccountData:
    dynamodb, config = client("dynamodb"), config_table()
    return AccountData(
        dynamodb,
        os.environ["LOG_TABLE"],
        config=config,
        keys=KeyTable(dynamodb, config.name),
        notifications=notification_table(),
        subscriptions=SubscriptionChanges(dynamodb, config, client("events"), os.environ["EVENT_BUS_NAME"]),
        erasures=erasures(),
        delay=timedelta(seconds=int(os.environ["ERASURE_DELAY_SECONDS"])),
    )
