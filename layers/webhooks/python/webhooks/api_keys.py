"""API keys, `<key id>.<secret>`. The table contains only the SHA-256 of the secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from webhooks.attribute_values import from_item, to_item
from webhooks.conflicts import retry_on_conflict
from webhooks.errors import NotFound
from webhooks.expressions import begins_with
from webhooks.item_keys import account_api_key_key, api_key_key
from webhooks.models import new_id
from webhooks.times import now, parse_time, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Role = Literal["account", "platform"]
_REVOKED = 50
"""Keys in one transaction, which has 100 writes at most."""


@dataclass(frozen=True, slots=True)
class Key:
    """
    A platform key has no account. Times are RFC 3339 in UTC. `last_used_on` is the UTC date of the last call, None for a
    key that has made none yet; it is kept of account keys only, as nobody lists the others.
    """

    id: str
    role: Role
    created_at: str
    account_id: str | None = None
    expires_at: str | None = None
    label: str | None = None
    last_used_on: str | None = None

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and parse_time(self.expires_at) <= at


class KeyTable:
    """Keys in the config table. Each has an item of its own; an account key also has an entry in its account's list."""

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
        item = _item(key) | to_item({"secret_sha256": _hash(secret)})
        puts: list[Any] = [{"Put": {"TableName": self._name, "Item": api_key_key(key.id) | item}}]
        if account_id:
            puts.append(
                {"Put": {"TableName": self._name, "Item": account_api_key_key(account_id, key.id) | _item(key)}}
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
        if not hmac.compare_digest(item["secret_sha256"], _hash(secret)):
            return None
        key = _key_of(item)
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
        keys = [_key_of(from_item(item)) for item in self._client.query(**query)["Items"]]
        page = [key for key in keys[:limit] if not key.has_expired(at)]
        return page, keys[limit - 1].id if len(keys) > limit else None

    def revoke(self, key_id: str) -> None:
        """Deletes the key and its entry in the list in one transaction. Raises NotFound."""
        answer = self._client.get_item(TableName=self._name, Key=api_key_key(key_id), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFound("there is no such key")
        account_id = _key_of(from_item(answer["Item"])).account_id
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
    """Of the key's own item and, for an account key, of its entry in the account's list."""
    return [api_key_key(key_id), *([account_api_key_key(account_id, key_id)] if account_id else [])]


def _item(key: Key) -> dict[str, Any]:
    return to_item(
        {
            "id": key.id,
            "role": key.role,
            "created_at": key.created_at,
            "account_id": key.account_id,
            "label": key.label,
            "expires": key.expires_at,
            # For DynamoDB, which deletes the item some time later; `expires` decides until then.
            "expires_at": int(parse_time(key.expires_at).timestamp()) if key.expires_at else None,
        }
    )


def _key_of(item: dict[str, Any]) -> Key:
    return Key(
        id=item["id"],
        role=item["role"],
        created_at=item["created_at"],
        account_id=item.get("account_id"),
        expires_at=item.get("expires"),
        label=item.get("label"),
        last_used_on=item.get("last_used_on"),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
