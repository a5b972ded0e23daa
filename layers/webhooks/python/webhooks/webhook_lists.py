"""All the webhooks of an account, in the config table: who subscribes to what, names, and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item
from webhooks.expressions import begins_with
from webhooks.item_keys import webhook_key
from webhooks.items import webhook_of
from webhooks.models import Webhook
from webhooks.stored_events import Subscription

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class WebhookLists:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    def subscriptions(self, account_id: str) -> list[Subscription]:
        """
        Disabled ones too. Reads no secret. Strongly consistent: an event that nobody wants is not stored, so nothing would
        make up for a webhook that this read missed.
        """
        pages = self._client.get_paginator("query").paginate(
            **self._webhooks(account_id),
            ConsistentRead=True,
            ProjectionExpression="id, #status, events, slow_since, whatsapp_account_ids, max_per_second",
            ExpressionAttributeNames={"#status": "status"},
        )
        return [_subscription(from_item(item)) for page in pages for item in page["Items"]]

    def names(self, account_id: str) -> dict[str, str]:
        """Returns the names of the account's webhooks by their ids. Reads no secret."""
        pages = self._client.get_paginator("query").paginate(
            **self._webhooks(account_id),
            ConsistentRead=True,
            ProjectionExpression="id, #name",
            ExpressionAttributeNames={"#name": "name"},
        )
        return {item["id"]["S"]: item["name"]["S"] for page in pages for item in page["Items"]}

    def page(self, account_id: str, *, limit: int, after: str | None = None) -> tuple[list[Webhook], str | None]:
        """One page in the order of ids, after the id `after`; and the id to go on after, None at the end."""
        start = {"ExclusiveStartKey": webhook_key(account_id, after)} if after else {}
        answer = self._client.query(
            **self._webhooks(account_id),
            ConsistentRead=True,
            Limit=limit + 1,  # one more tells whether there is a next page
            **start,  # type: ignore[arg-type]  # only present when there is one
        )
        page = [webhook_of(item) for item in answer["Items"][:limit]]
        more = len(answer["Items"]) > limit or "LastEvaluatedKey" in answer  # a page ends at 1 MB too
        return page, page[-1].id if more else None

    def _webhooks(self, account_id: str) -> dict[str, Any]:
        return {"TableName": self.name, **begins_with(webhook_key(account_id, ""))}


def _subscription(item: Mapping[str, Any]) -> Subscription:
    return Subscription(
        webhook_id=item["id"],
        events=frozenset(item["events"]),
        enabled=item["status"] != "disabled",
        lane="retry" if "slow_since" in item else "delivery",
        whatsapp_account_ids=frozenset(item.get("whatsapp_account_ids", ())),
        max_per_second=item.get("max_per_second"),
    )
