"""The body that is POSTed: built once, the same bytes at every attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard

from webhooks.errors import EventRejected, EventTooLarge
from webhooks.times import parse_time

MAX_BODY_BYTES = 64 * 1024
"""Bytes."""

ID = r"[A-Za-z0-9_-]{1,64}"
"""An account's, a webhook's or an event's, as a regular expression."""

# Of RFC 3339, section 5.6. `datetime.fromisoformat` alone takes more, and more on newer Python versions.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def build_body(event_type: str, timestamp: str, data: Mapping[str, Any]) -> str:
    """
    Compact, ASCII-escaped JSON with exactly the keys event, timestamp, data, in this order.

    Raises EventRejected for numbers and characters that JSON cannot carry, EventTooLarge over 64 KiB.
    """
    payload = {"event": event_type, "timestamp": timestamp, "data": data}
    try:
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        body = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    except UnicodeEncodeError:
        raise EventRejected("data", "contains half of a surrogate pair, which is not a valid character") from None
    except ValueError:
        raise EventRejected("data", "contains NaN or Infinity, which JSON does not have") from None
    except RecursionError:
        raise EventRejected("data", "is nested too deeply") from None
    if len(body) > MAX_BODY_BYTES:
        raise EventTooLarge("data", f"makes a body of {len(body)} bytes; at most {MAX_BODY_BYTES} are allowed")
    return body


def check_id(field: str, value: object) -> str:
    """An event's or account's id, as it is. Raises EventRejected."""
    if not is_id(value):
        raise EventRejected(field, "must be 1 to 64 letters, digits, hyphens or underscores")
    return value


def is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(ID, value) is not None


def normalise_timestamp(value: object) -> str:
    """RFC 3339 with any offset, as UTC in whole seconds: `2026-05-29T10:30:00Z`. Raises EventRejected."""
    try:
        at = read_time(value)
    except ValueError as wrong:
        raise EventRejected("timestamp", str(wrong)) from None
    return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def read_time(value: object) -> datetime:
    """RFC 3339 with any offset, in UTC. Raises ValueError."""
    try:
        if not isinstance(value, str) or not _TIME.fullmatch(value.upper()):
            raise ValueError
        return parse_time(value.upper())
    except (ValueError, OverflowError):
        raise ValueError("must be RFC 3339 with an offset, such as 2026-05-29T10:30:00Z") from None
