"""API keys in the config table. Each has an item of its own; an account key also has an entry in its account's list."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.api_keys import Key, Role, key_item, key_of, secret_sha256
from webhooks.attribute_values import from_item, to_item
from webhooks.clients import client
from webhooks.conflicts import retry_on_conflict
from webhooks.errors import NotFound
from webhooks.expressions import begins_with
from webhooks.item_keys import account_api_key_key, api_key_key
from webhooks.models import new_id
from webhooks.times import now, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REVOKED = 50
"""Keys in one transaction, which has 100 writes at most."""


class KeyTable:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def mint(
        self,
        role: Role,
        account_id: str | None = None,
        *,
        expires_at: datetime | None = None,
        label: str | None = None,
    ) -> tuple[Key, str]:
        """Returns a new key and its token, which is not stored and cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=new_id("key"),
            role=role,
            created_at=rfc3339(now()),
            account_id=account_id,
            expires_at=rfc3339(expires_at) if expires_at else None,
            label=label,
        )
        item = key_item(key) | to_item({"secret_sha256": secret_sha256(secret)})
        puts: list[Any] = [{"Put": {"TableName": self._name, "Item": api_key_key(key.id) | item}}]
        if account_id:
            puts.append(
                {"Put": {"TableName": self._name, "Item": account_api_key_key(account_id, key.id) | key_item(key)}}
            )
        self._client.transact_write_items(TransactItems=puts)
        return key, f"{key.id}.{secret}"

    def authenticate(self, token: str, at: datetime) -> Key | None:
        """Returns None for an unknown, revoked or expired key. The read is consistent: revocation is immediate."""
        key_id, _, secret = token.partition(".")
        answer = self._client.get_item(TableName=self._name, Key=api_key_key(key_id[:64]), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = from_item(answer["Item"])
        if not hmac.compare_digest(item["secret_sha256"], secret_sha256(secret)):
            return None
        key = key_of(item)
        return None if key.has_expired(at) else key

    def of_account(
        self, account_id: str, at: datetime, *, limit: int, after: str | None = None
    ) -> tuple[list[Key], str | None]:
        """Returns a page of the keys that have not expired, after the key id `after`, and the id to go on after, if any."""
        query: Any = {
            "TableName": self._name,
            **begins_with(account_api_key_key(account_id, "")),
            "ConsistentRead": True,
            "Limit": limit + 1,  # one more tells whether there is a next page
        }
        if after:
            query["ExclusiveStartKey"] = account_api_key_key(account_id, after)
        keys = [key_of(from_item(item)) for item in self._client.query(**query)["Items"]]
        page = [key for key in keys[:limit] if not key.has_expired(at)]
        return page, keys[limit - 1].id if len(keys) > limit else None

    def revoke(self, key_id: str) -> None:
        """Deletes the key and its entry in the list in one transaction. Raises NotFound."""
        answer = self._client.get_item(TableName=self._name, Key=api_key_key(key_id), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFound("there is no such key")
        account_id = key_of(from_item(answer["Item"])).account_id
        deletes: list[Any] = [{"Delete": {"TableName": self._name, "Key": key}} for key in _keys(key_id, account_id)]
        retry_on_conflict(lambda: self._client.transact_write_items(TransactItems=deletes))

    def revoke_all(self, account_id: str) -> int:
        """
        Deletes at most fifty of the account's keys, portal sessions too, each with its entry in the list. Returns how many;
        0 when none is left.
        """
        query: Any = {"TableName": self._name, **begins_with(account_api_key_key(account_id, "")), "Limit": _REVOKED}
        entries = self._client.query(**query, ConsistentRead=True)["Items"]
        keys = [key for entry in entries for key in _keys(from_item(entry)["id"], account_id)]
        if keys:
            deletes: list[Any] = [{"Delete": {"TableName": self._name, "Key": key}} for key in keys]
            retry_on_conflict(lambda: self._client.transact_write_items(TransactItems=deletes))
        return len(entries)

    def mark_used(self, key: Key, at: datetime) -> None:
        """
        Records that an account's key was used today: two small writes a day, however often it is used.

        The entry in the list comes first: if the second write fails, the next call repeats both.
        """
        today = at.date().isoformat()
        if key.account_id is None or key.last_used_on == today:
            return
        for item in reversed(_keys(key.id, key.account_id)):
            with suppress(self._client.exceptions.ConditionalCheckFailedException):  # revoked at this moment
                self._client.update_item(
                    TableName=self._name,
                    Key=item,
                    UpdateExpression="SET last_used_on = :today",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":today": {"S": today}},
                )


def _keys(key_id: str, account_id: str | None) -> list[Any]:
    """Returns the keys of an API key's items: its own and, for an account key, its entry in the account's list."""
    return [api_key_key(key_id), *([account_api_key_key(account_id, key_id)] if account_id else [])]


@cache
def key_table() -> KeyTable:
    return KeyTable(client("dynamodb"), os.environ["CONFIG_TABLE"])
