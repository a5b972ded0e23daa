"""How deliveries stand: the webhooks and log items of a whole batch of messages, in one consistent read."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhooks.items import delivery_key, delivery_of, webhook_key, webhook_of
from webhooks.messages import DeliveryMessage
from webhooks.models import Delivery, Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES = 4


class Unread(Exception):
    """DynamoDB left keys unread every time: a fault on our side."""


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
    items = _batch_get(
        client,
        {
            config_table: {"Keys": list(webhook_keys.values()), "ConsistentRead": True},
            log_table: {"Keys": list(delivery_keys.values()), "ConsistentRead": True},
        },
    )
    # Keyed by account too: a message can only ever reach a webhook of the account that it names.
    webhooks = {(w.account_id, w.id): w for w in map(webhook_of, items.get(config_table, []))}
    deliveries = {(item["pk"]["S"], item["sk"]["S"]): delivery_of(item) for item in items.get(log_table, [])}
    return {
        m: Standing(webhooks.get((m.account_id, m.webhook_id)), deliveries.get((f"WEBHOOK#{m.webhook_id}", m.key()[1])))
        for m in messages
    }


def _batch_get(client: DynamoDBClient, wanted: Any) -> dict[str, list[dict[str, Any]]]:
    items: dict[str, list[dict[str, Any]]] = {}
    for tried in range(_TRIES):
        if tried:
            time.sleep(random.uniform(0, 0.05 * 2**tried))
        answer = client.batch_get_item(RequestItems=wanted)
        for table, found in answer["Responses"].items():
            items.setdefault(table, []).extend(found)
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return items
    raise Unread(f"keys of {sorted(wanted)} left unprocessed {_TRIES} times")
