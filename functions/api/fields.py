"""Fields that several calls share, and their bounds. Unknown fields are refused; times are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.problems import field_problem
from api.validation import ID_PATTERN
from webhooks.deliveries import ErrorCode
from webhooks.event_types import EVENT_TYPES
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


AccountId = Annotated[str, Field(pattern=ID_PATTERN, examples=["acme"])]
PathId = Annotated[str, Path(pattern=ID_PATTERN)]
EventId = Annotated[str, Field(json_schema_extra={"pattern": ID_PATTERN})]
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


def whole(number: Any) -> Any:
    """60.0 is an integer, too (JSON Schema 2020-12, 6.1.1)."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Seconds = Annotated[int, BeforeValidator(whole)]


def given_time(field: str, text: str | None) -> str | None:
    """A query parameter of the type `GivenTime`, as the service writes times. Raises Problem 422."""
    try:
        return None if text is None else rfc3339(read_time(text))
    except ValueError as wrong:
        raise field_problem(field, str(wrong)) from None


# Their validators are built when they are first used, as a process seldom uses all: a twentieth of the cold start.
class In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)


class Out(BaseModel):
    """A value may be a secret, so errors must not quote it."""

    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)
