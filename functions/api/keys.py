"""API keys: `<key id>.<secret>`, of which the table holds the secret's SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from webhooks.conflicts import repeated
from webhooks.errors import NotFound
from webhooks.items import from_item, to_item
from webhooks.models import new_id, now, parse_time, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Role = Literal["account", "platform"]


@dataclass(frozen=True, slots=True)
class Key:
    """What a caller may do. A platform key belongs to no account."""

    id: str
    role: Role
    created_at: str
    account_id: str | None = None
    expires_at: str | None = None

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and parse_time(self.expires_at) <= at


class KeyTable:
    """Keys live in the config table. Each has an item of its own and, with an account, an entry in the account's list."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def mint(self, role: Role, account_id: str | None = None, *, expires_at: datetime | None = None) -> tuple[Key, str]:
        """A new key and its token, which is nowhere stored and cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=new_id("key"),
            role=role,
            created_at=rfc3339(now()),
            account_id=account_id,
            expires_at=rfc3339(expires_at) if expires_at else None,
        )
        item = _item(key) | to_item({"secret_sha256": _hash(secret)})
        puts: list[Any] = [{"Put": {"TableName": self._name, "Item": _own_key(key.id) | item}}]
        if account_id:
            puts.append({"Put": {"TableName": self._name, "Item": _list_key(account_id, key.id) | _item(key)}})
        self._client.transact_write_items(TransactItems=puts)
        return key, f"{key.id}.{secret}"

    def authenticate(self, token: str, at: datetime) -> Key | None:
        """One strongly consistent read, so that a revoked key is refused at once."""
        key_id, _, secret = token.partition(".")
        answer = self._client.get_item(TableName=self._name, Key=_own_key(key_id[:64]), ConsistentRead=True)
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
        """One page of those not expired, after the key id `after`; and the id to go on after, None at the end."""
        query: Any = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :account AND begins_with(sk, :key)",
            "ExpressionAttributeValues": {":account": {"S": f"ACCOUNT#{account_id}"}, ":key": {"S": "KEY#"}},
            "ConsistentRead": True,
            "Limit": limit + 1,  # one more tells whether there is a next page
        }
        if after:
            query["ExclusiveStartKey"] = _list_key(account_id, after)
        keys = [_key_of(from_item(item)) for item in self._client.query(**query)["Items"]]
        page = [key for key in keys[:limit] if not key.has_expired(at)]
        return page, keys[limit - 1].id if len(keys) > limit else None

    def revoke(self, key_id: str) -> None:
        """Refused from the next call on, and no longer listed: both or neither. Raises NotFound."""
        answer = self._client.get_item(TableName=self._name, Key=_own_key(key_id), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFound("there is no such key")
        account_id = _key_of(from_item(answer["Item"])).account_id
        keys = [_own_key(key_id), *([_list_key(account_id, key_id)] if account_id else [])]
        deletes: list[Any] = [{"Delete": {"TableName": self._name, "Key": key}} for key in keys]
        repeated(lambda: self._client.transact_write_items(TransactItems=deletes))


def _own_key(key_id: str) -> Any:
    return {"pk": {"S": f"KEY#{key_id}"}, "sk": {"S": "KEY"}}


def _list_key(account_id: str, key_id: str) -> Any:
    return {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": f"KEY#{key_id}"}}


def _item(key: Key) -> dict[str, Any]:
    return to_item(
        {
            "id": key.id,
            "role": key.role,
            "created_at": key.created_at,
            "account_id": key.account_id,
            "expires": key.expires_at,
            # DynamoDB removes the item some time after; until then `expires` decides.
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
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
