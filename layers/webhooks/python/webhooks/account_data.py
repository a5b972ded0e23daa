"""What an erasure deletes of an account at once: what is in use. `webhooks.account_items` has what is left for later."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from time import monotonic

from webhooks.account_items import AccountItems, account_items
from webhooks.config_table import ConfigTable
from webhooks.erasures import Erasures
from webhooks.errors import NotFound
from webhooks.key_table import KeyTable, key_table
from webhooks.models import Webhook
from webhooks.notifications import NotificationTable, notification_table
from webhooks.subscription_changes import SubscriptionChanges, subscription_changes
from webhooks.tables import config_table, erasures, webhook_lists
from webhooks.webhook_lists import WebhookLists


class AccountData:
    """
    `delay`: the log is erased so long after the last webhook was deleted. By then, every invocation that has read one is
    over.
    """

    def __init__(
        self,
        *,
        config: ConfigTable,
        lists: WebhookLists,
        items: AccountItems,
        keys: KeyTable,
        notifications: NotificationTable,
        subscriptions: SubscriptionChanges,
        erasures: Erasures,
        delay: timedelta,
    ) -> None:
        self._config = config
        self._lists = lists
        self._items = items
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
        while monotonic() < until and (page := self._lists.page(account_id, limit=25)[0]):
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

    def forget_account(self, account_id: str) -> None:
        """Deletes what is left of an account without webhooks. Raises Conflict if it has one."""
        self._items.forget_count(account_id)
        self._subscriptions.forget(account_id)


@cache
def account_data() -> AccountData:
    return AccountData(
        config=config_table(),
        lists=webhook_lists(),
        items=account_items(),
        keys=key_table(),
        notifications=notification_table(),
        subscriptions=subscription_changes(),
        erasures=erasures(),
        delay=timedelta(seconds=int(os.environ["ERASURE_DELAY_SECONDS"])),
    )
