"""
What test addresses receive, in the log table: of each its last hundred requests, for a day.

A request takes the place of the one a hundred before it, so that storing one costs the same however many have come.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.batches import batch_get
from webhooks.clients import client
from webhooks.conflicts import retry_on_conflict
from webhooks.errors import NotFound
from webhooks.item_keys import inbox_key, received_key
from webhooks.models import Webhook
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = 100
KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """
    `number` counts the requests that the address has received. `verified` are the names of the signature headers that
    verified.
    """

    number: int
    received_at: str
    headers: Mapping[str, str]
    body: bytes
    verified: list[str]


class Inboxes:
    def __init__(self, client: DynamoDBClient, config: str, log: str) -> None:
        """`config` and `log` are the names of the tables."""
        self._client = client
        self._config = config
        self._log = log

    def owner(self, token_sha256: str) -> tuple[str, str]:
        """The ids of the account and of the webhook. Raises NotFound."""
        answer = self._client.get_item(TableName=self._config, Key=inbox_key(token_sha256), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFound("there is no such address")
        return answer["Item"]["account_id"]["S"], answer["Item"]["webhook_id"]["S"]

    def store(self, webhook: Webhook, headers: Mapping[str, str], body: bytes, verified: list[str]) -> int:
        """Returns the request's number. Raises NotFound if the webhook has no address or was deleted at this moment."""
        number = self._count(_address_of(webhook))
        at = now()
        values: dict[str, Any] = {
            "number": number,
            "received_at": rfc3339(at),
            "headers": dict(headers),
            "verified": verified,
            "expires_at": int((at + KEPT_FOR).timestamp()),
        }
        item: Any = received_key(webhook.id, number % KEPT) | to_item(values) | {"body": {"B": body}}
        self._client.put_item(TableName=self._log, Item=item)
        return number

    def newest(
        self, webhook: Webhook, *, after: int, before: int | None, limit: int
    ) -> tuple[list[ReceivedRequest], int | None]:
        """
        The requests whose numbers are between the two, newest first, and the number to go on `before`; None at the end.

        One that is being stored at this moment is left out, although a later one may be there already.

        Raises NotFound if the webhook has no address.
        """
        last = self._received(_address_of(webhook))
        first = max(after, last - KEPT) + 1
        numbers = range(min(last, (before or last + 1) - 1), first - 1, -1)[:limit]
        keys = [received_key(webhook.id, number % KEPT) for number in numbers]
        items = batch_get(self._client, {self._log: keys})[self._log] if keys else []
        found = {request.number: request for request in map(_request_of, items)}
        oldest = rfc3339(now() - KEPT_FOR)  # DynamoDB removes what has expired up to days later
        kept = [found[number] for number in numbers if number in found and found[number].received_at > oldest]
        return kept, numbers[-1] if numbers and numbers[-1] > first else None

    def _count(self, token_sha256: str) -> int:
        try:
            answer = retry_on_conflict(
                lambda: self._client.update_item(
                    TableName=self._config,
                    Key=inbox_key(token_sha256),
                    UpdateExpression="ADD received :one",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                    ReturnValues="UPDATED_NEW",
                )
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise NotFound("there is no such address") from None
        return int(answer["Attributes"]["received"]["N"])

    def _received(self, token_sha256: str) -> int:
        answer = self._client.get_item(TableName=self._config, Key=inbox_key(token_sha256), ConsistentRead=True)
        return int(answer.get("Item", {}).get("received", {"N": "0"})["N"])


def _address_of(webhook: Webhook) -> str:
    if webhook.inbox is None:
        raise NotFound("this webhook has no test address; POST /v1/test-addresses makes one that has")
    return webhook.inbox


def _request_of(item: Mapping[str, Any]) -> ReceivedRequest:
    values = from_item({name: item[name] for name in ("number", "received_at", "headers", "body", "verified")})
    return ReceivedRequest(**values)


@cache
def inboxes() -> Inboxes:
    return Inboxes(client("dynamodb"), os.environ["CONFIG_TABLE"], os.environ["LOG_TABLE"])
