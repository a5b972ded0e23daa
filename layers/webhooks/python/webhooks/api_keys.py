"""API keys, `<key id>.<secret>`. The table contains only the SHA-256 of the secret."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from webhooks.attribute_values import to_item
from webhooks.times import parse_time

Role = Literal["account", "platform"]


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


def key_item(key: Key) -> dict[str, Any]:
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


def key_of(item: dict[str, Any]) -> Key:
    return Key(
        id=item["id"],
        role=item["role"],
        created_at=item["created_at"],
        account_id=item.get("account_id"),
        expires_at=item.get("expires"),
        label=item.get("label"),
        last_used_on=item.get("last_used_on"),
    )


def secret_sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
