"""Fields that several calls share, and their bounds. Unknown fields are refused; times are RFC 3339 in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.problems import ID_PATTERN, WHATSAPP_ACCOUNT_ID_PATTERN, field_problem
from webhooks.deliveries import ErrorCode
from webhooks.event_types import EVENT_TYPES, MAX_ID
from webhooks.payload import read_time
from webhooks.times import rfc3339

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
assert set(EventName.__args__) == set(EVENT_TYPES)  # type: ignore[attr-defined]
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
"""Unicode's Default_Ignorable_Code_Point within the first plane, and the blank Braille pattern."""
_INVISIBLE_ABOVE = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
"""The others. Not in the specification: regular expressions of different languages write them differently."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")
"""RFC 5321 without quotes and address literals. SES takes ASCII only: a domain in another script is given in Punycode."""
MAX_HEADERS = 10
MAX_WHATSAPP_ACCOUNTS = 20
RESERVED_HEADERS = re.compile(
    r"(?i)(x-)?webhook-.*|proxy(-.*)?|sec-.*|host|content-.*|transfer-encoding|connection|keep-alive|te|trailers?|upgrade|"
    r"expect|user-agent|accept-encoding|cookie2?|date|via|http2-settings|forwarded|x-forwarded-.*|x-original-.*|"
    r"x-rewrite-.*|(.*-)?client-ip|cf-connecting-.*|x-real-ip|x-http-method.*|x-method-override|max-forwards|range|if-.*"
)
"""Headers that we set ourselves or that servers and proxies trust, with hyphens for underscores."""


def _distinct(events: list[str]) -> list[str]:
    if len(set(events)) < len(events):
        raise ValueError("must not contain the same event twice")
    return events


def _distinct_accounts(ids: list[str]) -> list[str]:
    if len(set(ids)) < len(ids):
        raise ValueError("must not contain the same WhatsApp account twice")
    return ids


def _on_one_line(name: str) -> str:
    name = name.strip()
    if not re.search(rf"[^\s{_INVISIBLE}{_INVISIBLE_ABOVE}]", name):
        raise ValueError("must not be blank")
    if re.search(f"[{_CONTROL}]", name):
        raise ValueError("must be a single line without control characters")
    return name


def _mailable(email: str) -> str:
    if not _EMAIL.fullmatch(email):
        raise ValueError("must be an address such as ops@example.com, in ASCII")
    return email


def header_identity(name: str) -> str:
    """Of names with the same, receivers see one: CGI passes headers on as variables, without case and with underscores."""
    return name.replace("_", "-").lower()


def _own_headers(headers: dict[str, str | None]) -> dict[str, str | None]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is not a header name; use 1 to 64 letters, digits, hyphens or underscores")
        if RESERVED_HEADERS.fullmatch(header_identity(name)):
            raise ValueError(f"{name} is a reserved name; choose another one, such as X-Api-Key")
        if value is not None and not _VALUE.fullmatch(value):
            raise ValueError(
                f"the value of {name} must be 1 to 1024 printable ASCII characters, without leading or trailing spaces"
            )
    if len({header_identity(name) for name in headers}) < len(headers):
        raise ValueError("must not contain the same name twice; case, hyphens and underscores make no difference")
    return headers


def _whole(number: Any) -> Any:
    """60.0 is an integer, too (JSON Schema 2020-12, 6.1.1)."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


# Checks of our own have clearer messages than pydantic's; `json_schema_extra` puts them into the specification.
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="Leading and trailing white space is removed; a visible character must be left.",
        examples=["Order updates"],
        json_schema_extra={
            "pattern": rf"^(?=[\s\S]*[^\s{_INVISIBLE}])\s*[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?\s*$"
        },
    ),
    AfterValidator(_on_one_line),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="An https URL with a public address, without credentials or a fragment.",
        examples=["https://example.com/hook"],
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]://[^\s\\#]+$"},
    ),
]
Email = Annotated[
    str,
    Field(max_length=254, examples=["ops@example.com"], json_schema_extra={"pattern": f"^{_EMAIL.pattern}$"}),
    AfterValidator(_mailable),
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
        "Empty, which is the default, sends all events, also those without one.",
        examples=[["uuid"]],
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_distinct_accounts),
]
Headers = Annotated[
    dict[str, str],
    Field(
        max_length=MAX_HEADERS,
        description="Custom headers of every POST. Reserved names are refused.",
        examples=[{"X-Api-Key": "a key of your own server"}],
        json_schema_extra={
            "propertyNames": {"pattern": f"^{_TOKEN.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{_VALUE.pattern}$"},
        },
    ),
    AfterValidator(_own_headers),
]
HeaderChanges = Annotated[
    dict[str, str | None],
    Field(
        max_length=MAX_HEADERS,
        description="Adds or replaces single custom headers, and removes those with `null`; the others stay as they are. "
        "Applied after `headers`.",
        examples=[{"X-Api-Key": "a new key", "X-Old": None}],
        json_schema_extra={
            "propertyNames": {"pattern": f"^{_TOKEN.pattern}$"},
            "additionalProperties": {"anyOf": [{"type": "string", "pattern": f"^{_VALUE.pattern}$"}, {"type": "null"}]},
        },
    ),
    AfterValidator(_own_headers),
]
_ID = ID_PATTERN
AccountId = Annotated[str, Field(pattern=_ID, examples=["acme"])]
PathId = Annotated[str, Path(pattern=_ID)]
EventId = Annotated[str, Field(json_schema_extra={"pattern": _ID})]
Cursor = Annotated[str, Field(max_length=200, description="The `next_cursor` of the previous page.")]
GivenTime = Annotated[
    str, Field(description="RFC 3339.", examples=["2026-05-29T10:30:00Z"], json_schema_extra={"format": "date-time"})
]
Time = Annotated[
    str,
    Field(
        description="RFC 3339, UTC.", examples=["2026-05-29T10:30:00.123Z"], json_schema_extra={"format": "date-time"}
    ),
]
Code = Annotated[
    str,
    Field(
        description=f"The reason as a code, for programs: {', '.join(f'`{code}`' for code in ErrorCode.__args__)}; more may "
        "be added. Null if nothing has failed, or if it failed before codes were introduced.",
        examples=["status"],
    ),
]
"""Not an enumeration: clients, and this API after a rollback, may meet a code that was added later."""


def given_time(field: str, text: str | None) -> str | None:
    """A query parameter of the type `GivenTime`, as the service writes times. Raises Problem 422."""
    try:
        return None if text is None else rfc3339(read_time(text))
    except ValueError as wrong:
        raise field_problem(field, str(wrong)) from None


Seconds = Annotated[int, BeforeValidator(_whole)]
CatchesUp = Annotated[
    bool,
    Field(
        description="Whether what fails while the webhook is `failing` is sent again by itself when its endpoint works "
        "again, the oldest first, at its pace. Meanwhile the endpoint is probed for up to 3 days.",
        examples=[True],
    ),
]
CatchUpHours = Annotated[
    Annotated[int, Field(ge=1, le=168)],
    BeforeValidator(_whole),
    Field(
        description="Events older than this are not sent again by catching up. 24 if it is not given.", examples=[24]
    ),
]
PerSecond = Annotated[
    Annotated[int, Field(ge=1, le=1000)] | None,
    BeforeValidator(_whole),
    Field(
        description="At most so many deliveries a second. What comes faster waits, in order of arrival; retries keep their "
        "own times. `null` is no limit.",
        examples=[20],
    ),
]


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Custom headers as they are shown: their values are secrets of the endpoint."""
    return dict.fromkeys(headers, "••••••••")


# Their validators are built when they are first used, as a process seldom uses all: a twentieth of the cold start.
class In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)


class Out(BaseModel):
    """A value may be a secret, so errors must not quote it."""

    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)
