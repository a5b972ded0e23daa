"""What the platform's calls take and give: events, the catalogue of them, keys."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.fields import AccountId, EventId, EventName, GivenTime, In, Out, Seconds, Time
from api.keys import Key
from webhooks.event_types import EVENT_TYPES


class EventIn(In):
    account_id: AccountId
    event: EventName
    data: dict[str, Any] = Field(
        description="By the event's schema; unknown fields pass through untouched.",
        examples=[dict(EVENT_TYPES["message.incoming"].example)],
    )
    id: EventId | None = Field(
        default=None,
        description="1 to 64 letters, digits, - or _. Makes publishing repeatable: the same id is delivered once.",
        examples=["evt_4382c86378858451cb42692010d605d0"],
    )
    timestamp: GivenTime | None = Field(
        default=None, description="RFC 3339; now, if absent.", examples=["2026-05-29T10:30:00Z"]
    )


class EventAccepted(Out):
    id: str


class EventTypeOut(Out):
    name: str
    description: str
    schema_: dict[str, Any] = Field(serialization_alias="schema", description="JSON Schema of `data`.")
    example: dict[str, Any] = Field(description="A whole payload.")


class EventTypeList(Out):
    data: list[EventTypeOut]
    next_cursor: str | None = None


class KeyIn(In):
    account_id: AccountId


class KeyOut(Out):
    id: str
    account_id: str | None
    created_at: Time
    expires_at: Time | None

    @classmethod
    def of(cls, key: Key) -> KeyOut:
        return cls(id=key.id, account_id=key.account_id, created_at=key.created_at, expires_at=key.expires_at)


class KeyCreated(Out):
    id: str
    account_id: str
    key: str = Field(description="Shown this once.")
    created_at: Time


class SessionIn(In):
    account_id: AccountId
    expires_in: Seconds = Field(default=3600, ge=60, le=86_400, description="Seconds.", examples=[3600])


class SessionCreated(Out):
    url: str = Field(
        description="Opens Settings > Webhooks. The token is in its fragment, which browsers send to no server.",
        examples=["https://webhooks.example.com/settings/webhooks#token=key_….…"],
    )
    token: str = Field(description="A key of the role account that expires; shown this once.")
    expires_at: Time


class KeyPage(Out):
    data: list[KeyOut]
    next_cursor: str | None
