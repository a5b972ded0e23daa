"""The fields that calls have in common, and their bounds. Unknown fields are refused; times are RFC 3339 UTC."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from webhooks.event_types import EVENT_TYPES

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
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")
_OURS = re.compile(
    r"(?i)(x-)?webhook-.*|proxy-.*|sec-.*|host|content-.*|transfer-encoding|connection|keep-alive|te|trailers?|upgrade|"
    r"expect|user-agent|accept-encoding|cookie2?|date|via|http2-settings|forwarded|x-forwarded-.*|x-original-.*|"
    r"x-real-ip|x-http-method.*|x-method-override|max-forwards|range|if-.*"
)
"""By hyphens. Servers that hand headers on as variables, such as CGI, take an underscore for the same."""


def _distinct(events: list[str]) -> list[str]:
    if len(set(events)) < len(events):
        raise ValueError("names an event twice")
    return events


def _on_one_line(name: str) -> str:
    name = name.strip()
    if not name:
        raise ValueError("is blank")
    if re.search(f"[{_CONTROL}]", name):
        raise ValueError("has a line break or another control character; only text on one line is allowed")
    return name


def _spelt(name: str) -> str:
    return name.replace("_", "-")


def _own_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is not a header name; allowed are 1 to 64 letters, digits and -_.")
        if _OURS.fullmatch(_spelt(name)):
            raise ValueError(
                f"{name} is set by us or changes the request itself; choose another name, such as X-Api-Key"
            )
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} must be 1 to 1024 printable ASCII characters, with no space around")
    if len({_spelt(name).lower() for name in headers}) < len(headers):
        raise ValueError("names a header twice")
    return headers


def _whole(number: Any) -> Any:
    """JSON knows no integers apart: 60.0 is 60 (JSON Schema 2020-12, 6.1.1)."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


# What our own words refuse better than pydantic's is in the specification all the same: `json_schema_extra`.
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="Blanks around it are dropped.",
        examples=["Order updates"],
        json_schema_extra={"pattern": rf"^\s*[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?\s*$"},
    ),
    AfterValidator(_on_one_line),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="https only, to a public address; no credentials, no fragment.",
        examples=["https://example.com/hook"],
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]://[^\s\\#]+$"},
    ),
]
Events = Annotated[
    list[EventName],
    Field(min_length=1, max_length=9, examples=[["message.incoming"]], json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]
Headers = Annotated[
    dict[str, str],
    Field(
        max_length=10,
        description="Sent with every POST. Those that we set ourselves are refused.",
        examples=[{"X-Api-Key": "of your own server"}],
        json_schema_extra={
            "propertyNames": {"pattern": f"^{_TOKEN.pattern}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{_VALUE.pattern}$"},
        },
    ),
    AfterValidator(_own_headers),
]
_ID = r"^[A-Za-z0-9_-]{1,64}$"
AccountId = Annotated[str, Field(pattern=_ID, examples=["acme"])]
PathId = Annotated[str, Path(pattern=_ID)]
EventId = Annotated[str, Field(json_schema_extra={"pattern": _ID})]
Cursor = Annotated[str, Field(max_length=200, description="The `next_cursor` of the call before.")]
GivenTime = Annotated[
    str, Field(description="RFC 3339.", examples=["2026-05-29T10:30:00Z"], json_schema_extra={"format": "date-time"})
]
Time = Annotated[
    str,
    Field(
        description="RFC 3339, UTC.", examples=["2026-05-29T10:30:00.123Z"], json_schema_extra={"format": "date-time"}
    ),
]
Seconds = Annotated[int, BeforeValidator(_whole)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Out(BaseModel):
    """What is shown may be a secret, so an error of ours must not quote it."""

    model_config = ConfigDict(hide_input_in_errors=True)
