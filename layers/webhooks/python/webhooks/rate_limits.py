"""
Limits on what an account may ask for within a minute.

Manual sends are limited because an account could aim them at somebody else's server, and expensive reads because of
their cost.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from webhooks.clients import client
from webhooks.errors import RateLimited
from webhooks.item_keys import rate_limit_key
from webhooks.models import Webhook
from webhooks.times import now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WINDOW = 60  # seconds
DISABLINGS = 10
"""How often a webhook may be disabled in a minute: each time puts an event on the bus."""


class RateLimits:
    """Counters in the config table, one for each limit and minute. DynamoDB deletes them when the minute is over."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, sends: int, recoveries: int, host_sends: int, listings: int
    ) -> None:
        """
        Per account and minute: `sends` are test events and retries, `recoveries` recovered deliveries, `host_sends` both
        of these to one host, `listings` pages of the delivery log.
        """
        self._client = client
        self._table = table
        self._sends = sends
        self._recoveries = recoveries
        self._host_sends = host_sends
        self._listings = listings

    def consume_send(self, webhook: Webhook) -> None:
        """One test event or retry. Raises RateLimited."""
        self._consume(
            webhook.account_id,
            "sends",
            count=1,
            limit=self._sends,
            rule=f"an account can send {self._sends} test events and retries per minute",
        )
        self._consume_host(webhook, 1)

    def consume_recovery(self, webhook: Webhook, deliveries: int) -> None:
        """
        So many at once. Raises RateLimited if one of its two limits has no room for all of them; the other one may have
        counted them then.
        """
        self._consume_host(webhook, deliveries)
        self._consume(
            webhook.account_id,
            "recovered",
            count=deliveries,
            limit=self._recoveries,
            rule=f"an account can recover {self._recoveries} deliveries per minute",
        )

    def consume_listing(self, account_id: str, pages: int = 1) -> None:
        """Pages of the delivery log. Raises RateLimited."""
        self._consume(
            account_id,
            "listings",
            count=pages,
            limit=self._listings,
            rule=f"an account can read {self._listings} pages of delivery logs per minute",
        )

    def consume_disabling(self, webhook: Webhook) -> None:
        """Raises RateLimited."""
        self._consume(
            webhook.account_id,
            f"disablings#{webhook.id}",
            count=1,
            limit=DISABLINGS,
            rule=f"a webhook can be disabled {DISABLINGS} times per minute",
        )

    def _consume_host(self, webhook: Webhook, deliveries: int) -> None:
        host = urlsplit(webhook.url).hostname
        self._consume(
            webhook.account_id,
            f"host#{host}",
            count=deliveries,
            limit=self._host_sends,
            rule=f"an account can send {self._host_sends} deliveries per minute to {host} manually",
        )

    def _consume(self, account_id: str, counter: str, *, count: int, limit: int, rule: str) -> None:
        """Adds `count` to the counter of this minute unless that passes the `limit`. Raises RateLimited with the `rule`."""
        at = int(now().timestamp())
        update: Any = {
            "TableName": self._table,
            "Key": rate_limit_key(account_id, counter, at // _WINDOW),
            "UpdateExpression": "ADD used :count SET expires_at = :expires",
            "ConditionExpression": "attribute_not_exists(used) OR used <= :left",
            "ExpressionAttributeValues": {
                ":count": {"N": str(count)},
                ":left": {"N": str(limit - count)},
                ":expires": {"N": str((at // _WINDOW + 2) * _WINDOW)},
            },
        }
        try:
            self._client.update_item(**update)
        except self._client.exceptions.ConditionalCheckFailedException:
            raise RateLimited(rule, retry_after=_WINDOW - at % _WINDOW) from None


@cache
def rate_limits() -> RateLimits:
    return RateLimits(
        client("dynamodb"),
        os.environ["CONFIG_TABLE"],
        sends=int(os.environ["SENDS_PER_MINUTE"]),
        recoveries=int(os.environ["RECOVERIES_PER_MINUTE"]),
        host_sends=int(os.environ["HOST_SENDS_PER_MINUTE"]),
        listings=int(os.environ["LISTINGS_PER_MINUTE"]),
    )
