"""Requests and responses about keys and sessions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.fields import AccountId, In, Out, Seconds, Time
from api.text_fields import Name
from api.validation import VIEW_PATTERN
from webhooks.api_keys import Key, Role

_LABEL = "What the key is for, to tell it from the account's others."
LastUsed = Annotated[
    str,
    Field(
        description="The UTC date of the last call with the key. Null if there was none, or none since dates are recorded.",
        examples=["2026-05-29"],
        json_schema_extra={"format": "date"},
    ),
]


class KeyIn(In):
    account_id: AccountId
    label: Name | None = Field(default=None, description=_LABEL, examples=["CRM connector"])


class KeyOut(Out):
    id: str
    account_id: str | None
    label: str | None = Field(description=f"{_LABEL} Null for a portal session.", examples=["CRM connector"])
    created_at: Time
    expires_at: Time | None
    last_used_on: LastUsed | None

    @classmethod
    def of(cls, key: Key) -> KeyOut:
        return cls(
            id=key.id,
            account_id=key.account_id,
            label=key.label,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_on=key.last_used_on,
        )


class KeyCreated(Out):
    id: str
    account_id: str
    label: str | None
    key: str = Field(description="Shown only once.")
    created_at: Time


class SessionIn(In):
    account_id: AccountId
    expires_in: Seconds = Field(default=3600, ge=60, le=86_400, description="Seconds.", examples=[3600])
    view: str | None = Field(
        default=None,
        pattern=VIEW_PATTERN,
        description="What the page shows first, in place of the list: `new`, a webhook's id, or that and `/edit`, "
        "`/secret` or `/deliveries/` with an event's id.",
        examples=["wh_4382c86378858451cb42692010d605d0"],
    )


class SessionCreated(Out):
    url: str = Field(
        description="Opens Settings > Webhooks. The token is in the fragment, which browsers do not send to servers.",
        examples=["https://webhooks.example.com/settings/webhooks#token=key_….…"],
    )
    token: str = Field(description="An account key that expires. Shown only once.")
    expires_at: Time


class SessionOut(Out):
    account_id: str | None = Field(description="Null for a platform key.")
    role: Role
    key_id: str
    expires_at: Time | None = Field(description="Null if the key does not expire.")

    @classmethod
    def of(cls, key: Key) -> SessionOut:
        return cls(account_id=key.account_id, role=key.role, key_id=key.id, expires_at=key.expires_at)


class KeyPage(Out):
    data: list[KeyOut]
    next_cursor: str | None
