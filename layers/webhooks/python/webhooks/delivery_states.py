"""What both tables say about deliveries on their way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from webhooks.batches import batch_get
from webhooks.deliveries import Delivery
from webhooks.item_keys import delivery_key, webhook_key
from webhooks.items import delivery_of, webhook_of
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DeliveryStates:
    def __init__(self, client: DynamoDBClient, config_table: str, log_table: str) -> None:
        self._client = client
        self._config_table = config_table
        self._log_table = log_table

    def read(
        self, messages: Sequence[DeliveryMessage]
    ) -> Iterator[tuple[DeliveryMessage, Webhook | None, Delivery | None]]:
        """
        Returns each message with its webhook, None when deleted, and its delivery, None if the log does not have it yet.

        One BatchGetItem for the distinct webhooks and deliveries; what it leaves unprocessed is asked for again.
        """
        webhook_keys = {m.webhook_id: webhook_key(m.account_id, m.webhook_id) for m in messages}
        delivery_keys = {m.key(): delivery_key(*m.key()) for m in messages}
        keys = {self._config_table: list(webhook_keys.values()), self._log_table: list(delivery_keys.values())}
        items = batch_get(self._client, keys)
        # Keyed by account too: a message can only ever reach a webhook of the account that it names.
        webhooks = {(w.account_id, w.id): w for w in map(webhook_of, items[self._config_table])}
        deliveries = {(d.webhook_id, d.sort_key()): d for d in map(delivery_of, items[self._log_table])}
        return ((m, webhooks.get((m.account_id, m.webhook_id)), deliveries.get(m.key())) for m in messages)
