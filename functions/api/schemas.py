"""What the API takes and gives. Unknown fields are refused; times are RFC 3339 UTC."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.keys import Key
from webhooks.event_types import EVENT_TYPES
from webhooks.models import Attempt, Delivery, DeliveryStatus, Webhook, WebhookStatus

EventName = Literal[
    "message.incoming",
    "message.sent",
    "message.delivered",
    "message.read",
    "message.failed",
    "contact.created",
    "contact.updated",
    "campaign.completed",
    "transfer.created",
]
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")
_OURS = re.compile(
    r"(?i)(x-)?webhook-.*|proxy-.*|sec-.*|host|content-(type|length|encoding)|transfer-encoding|connection|keep-alive|te|"
    r"trailer|upgrade|expect|user-agent|accept-encoding|cookie2?|date|via|http2-settings|forwarded|x-forwarded-.*"
)


def _distinct(events: list[str]) -> list[str]:
    if len(set(events)) < len(events):
        raise ValueError("names an event twice")
    return events


def _own_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is not a header name; allowed are 1 to 64 letters, digits and -_.")
        if _OURS.fullmatch(name):
            raise ValueError(
                f"{name} is set by us or changes the request itself; choose another name, such as X-Api-Key"
            )
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} must be 1 to 1024 printable ASCII characters, with no space around")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("names a header twice")
    return headers


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Field(examples=["Order updates"])
]
Url = Annotated[
    str, Field(min_length=1, max_length=2048, description="https only.", examples=["https://example.com/hook"])
]
Events = Annotated[
    list[EventName], Field(min_length=1, max_length=9, examples=[["message.incoming"]]), AfterValidator(_distinct)
]
Headers = Annotated[
    dict[str, str],
    Field(max_length=10, description="Sent with every POST.", examples=[{"X-Api-Key": "of your own server"}]),
    AfterValidator(_own_headers),
]
AccountId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["acme"])]
Time = Annotated[str, Field(description="RFC 3339, UTC.", examples=["2026-05-29T10:30:00.123Z"])]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Out(BaseModel):
    """What is shown may be a secret, so an error of ours must not quote it."""

    model_config = ConfigDict(hide_input_in_errors=True)


class WebhookIn(_In):
    name: Name
    url: Url
    events: Events
    headers: Headers = Field(default_factory=dict)


class WebhookPatch(_In):
    """Only the fields that are given change."""

    name: Name = Field(default_factory=str)
    url: Url = Field(default_factory=str)
    events: Events = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    enabled: bool = Field(default_factory=bool, description="false disables the webhook, true makes it active.")


class WebhookOut(_Out):
    id: str = Field(examples=["wh_4382c86378858451cb42692010d605d0"])
    name: str
    url: str
    events: list[str]
    headers: dict[str, str] = Field(description="Values are secrets and shown masked.")
    status: WebhookStatus
    failing_since: Time | None
    failing_reason: str | None = Field(examples=["answered 500, expected 200"])
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookOut:
        return cls(**_public(webhook))


class WebhookCreated(WebhookOut):
    secret: str = Field(description="Signs every POST. `GET …/secret` shows it again.")

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookCreated:
        return cls(**_public(webhook), secret=webhook.secret)


class WebhookPage(_Out):
    data: list[WebhookOut]
    next_cursor: str | None


class SecretOut(_Out):
    secret: str


class EventIn(_In):
    account_id: AccountId
    event: EventName
    data: dict[str, Any] = Field(
        description="By the event's schema; unknown fields pass through untouched.",
        examples=[dict(EVENT_TYPES["message.incoming"].example)],
    )
    id: str | None = Field(
        default=None,
        description="1 to 64 letters, digits, - or _. Makes publishing repeatable: the same id is delivered once.",
        examples=["evt_4382c86378858451cb42692010d605d0"],
    )
    timestamp: str | None = Field(
        default=None, description="RFC 3339; now, if absent.", examples=["2026-05-29T10:30:00Z"]
    )


class EventAccepted(_Out):
    id: str


class EventTypeOut(_Out):
    name: str
    description: str
    schema_: dict[str, Any] = Field(serialization_alias="schema", description="JSON Schema of `data`.")
    example: dict[str, Any] = Field(description="A whole payload.")


class EventTypeList(_Out):
    data: list[EventTypeOut]
    next_cursor: str | None = None


class AttemptOut(_Out):
    number: int = Field(description="Within its round, from 1.")
    round: int
    at: Time
    duration_ms: int
    status_code: int | None
    error: str | None = Field(
        examples=["answered 204, expected 200"], description="What to mend, in words; null for a delivered one."
    )
    response_body: str | None = Field(description="Its first KiB.")

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOut:
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class DeliveryOut(_Out):
    event_id: str
    event: str
    test: bool
    status: DeliveryStatus
    accepted_at: Time
    next_attempt_at: Time | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        return cls(**_logged(delivery))


class DeliveryDetail(DeliveryOut):
    payload: dict[str, Any]

    @classmethod
    def with_body(cls, delivery: Delivery, body: str) -> DeliveryDetail:
        return cls(**_logged(delivery), payload=json.loads(body))


class DeliveryPage(_Out):
    data: list[DeliveryOut]
    next_cursor: str | None = Field(description="Not null: more may follow, even after a short page.")


class KeyIn(_In):
    account_id: AccountId


class KeyOut(_Out):
    id: str
    account_id: str | None
    created_at: Time
    expires_at: Time | None

    @classmethod
    def of(cls, key: Key) -> KeyOut:
        return cls(id=key.id, account_id=key.account_id, created_at=key.created_at, expires_at=key.expires_at)


class KeyCreated(_Out):
    id: str
    account_id: str
    key: str = Field(description="Shown this once.")
    created_at: Time


class KeyPage(_Out):
    data: list[KeyOut]
    next_cursor: str | None


class FieldError(_Out):
    field: str = Field(examples=["url"])
    detail: str = Field(examples=["starts with http; only https:// is allowed"])


class ProblemOut(_Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


def _public(webhook: Webhook) -> dict[str, Any]:
    shown = {name: getattr(webhook, name) for name in WebhookOut.model_fields}
    return shown | {"headers": dict.fromkeys(webhook.headers, "••••••••")}


def _logged(delivery: Delivery) -> dict[str, Any]:
    shown = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    return shown | {"attempts": [AttemptOut.of(attempt) for attempt in delivery.attempts]}


assert set(EventName.__args__) == set(EVENT_TYPES)  # type: ignore[attr-defined]
