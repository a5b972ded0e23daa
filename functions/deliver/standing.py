"""How deliveries stand: the webhooks and log items of a whole batch of messages, in one consistent read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhooks.batches import batch_get
from webhooks.items import delivery_key, delivery_of, webhook_key, webhook_of
from webhooks.messages import DeliveryMessage
from webhooks.models import Delivery, Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Standing:
    webhook: Webhook | None
    delivery: Delivery | None


def read(
    client: DynamoDBClient, config_table: str, log_table: str, messages: Sequence[DeliveryMessage]
) -> dict[DeliveryMessage, Standing]:
    """One BatchGetItem for the distinct webhooks and deliveries; what it leaves unprocessed is asked for again."""
    webhook_keys = {m.webhook_id: webhook_key(m.account_id, m.webhook_id) for m in messages}
    delivery_keys = {m.key(): delivery_key(m.webhook_id, m.accepted_at, m.event_id) for m in messages}
    items = batch_get(client, {config_table: list(webhook_keys.values()), log_table: list(delivery_keys.values())})
    # Keyed by account too: a message can only ever reach a webhook of the account that it names.
    webhooks = {(w.account_id, w.id): w for w in map(webhook_of, items[config_table])}
    deliveries = {(item["pk"]["S"], item["sk"]["S"]): delivery_of(item) for item in items[log_table]}
    return {
        m: Standing(webhooks.get((m.account_id, m.webhook_id)), deliveries.get((f"WEBHOOK#{m.webhook_id}", m.key()[1])))
        for m in messages
    }
