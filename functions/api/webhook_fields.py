"""The fields of a webhook that only webhooks have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from api.fields import EventName, whole
from api.validation import WHATSAPP_ACCOUNT_ID_PATTERN
from webhooks.event_types import MAX_ID
from webhooks.urls import MAX_URL

MAX_WHATSAPP_ACCOUNTS = 20


def _distinct(events: list[str]) -> list[str]:
    if len(set(events)) < len(events):
        raise ValueError("must not contain the same event twice")
    return events


def _distinct_accounts(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("must not contain the same WhatsApp account twice")
    return ids


# Checks of our own have clearer messages than pydantic's; `json_schema_extra` puts them into the specification.
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL,
        description="An https URL with a public address, without credentials or a fragment.",
        examples=["https://example.com/hook"],
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]://[^\s\\#]+$"},
    ),
]
Events = Annotated[
    list[EventName],
    Field(min_length=1, max_length=9, examples=[["message.incoming"]], json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]
WhatsappAccountIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=WHATSAPP_ACCOUNT_ID_PATTERN)]],
    Field(
        max_length=MAX_WHATSAPP_ACCOUNTS,
        description="Only events whose `data.whatsapp_account_id` is one of these are sent. "
        "An empty list sends all events, also those without one.",
        examples=[["uuid"]],
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_distinct_accounts),
]
CatchesUp = Annotated[
    bool,
    Field(
        description="Whether deliveries that fail while the webhook is `failing` are sent again automatically when its "
        "endpoint works again, the oldest first, at its pace. Meanwhile the endpoint is probed for up to 3 days.",
        examples=[True],
    ),
]
CatchUpHours = Annotated[
    Annotated[int, Field(ge=1, le=168)],
    BeforeValidator(whole),
    Field(description="Events older than this are not sent again by catching up.", examples=[24]),
]
PerSecond = Annotated[
    Annotated[int, Field(ge=1, le=1000)] | None,
    BeforeValidator(whole),
    Field(
        description="Maximum deliveries per second. Faster events are queued in order of arrival; retries keep their "
        "schedule. `null` is no limit.",
        examples=[20],
    ),
]
