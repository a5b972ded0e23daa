"""The body that is POSTed: built once, the same bytes at every attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from webhooks.errors import EventRejected, EventTooLarge
from webhooks.models import parse_time

MAX_BODY = 64 * 1024
"""Bytes."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def build_body(event: str, timestamp: str, data: Mapping[str, Any]) -> str:
    """
    Compact, ASCII-escaped JSON with exactly the keys event, timestamp, data, in this order.

    Raises EventRejected for numbers and characters that JSON cannot carry, EventTooLarge over 64 KiB.
    """
    payload = {"event": event, "timestamp": timestamp, "data": data}
    try:
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        body = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    except UnicodeEncodeError:
        raise EventRejected("data", "contains half of a surrogate pair, which is no character") from None
    except ValueError:
        raise EventRejected("data", "contains NaN or Infinity, which JSON does not have") from None
    except RecursionError:
        raise EventRejected("data", "is nested too deeply") from None
    if len(body) > MAX_BODY:
        raise EventTooLarge("data", f"makes a body of {len(body)} bytes; at most {MAX_BODY} are allowed")
    return body


def check_id(field: str, value: object) -> str:
    """An event's or account's id, as it is. Raises EventRejected."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise EventRejected(field, "must be 1 to 64 letters, digits, - or _")
    return value


def normalise_timestamp(value: object) -> str:
    """RFC 3339 with any offset, as UTC in whole seconds: `2026-05-29T10:30:00Z`. Raises EventRejected."""
    try:
        if not isinstance(value, str) or "T" not in value.upper():
            raise ValueError
        at = parse_time(value)
    except (ValueError, OverflowError):
        raise EventRejected("timestamp", "must be RFC 3339 with an offset, such as 2026-05-29T10:30:00Z") from None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
