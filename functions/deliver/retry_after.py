"""How long an overloaded endpoint asks to be left alone: `Retry-After` of a 429 or 503 (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import ceil

MAX_SECONDS = 900
"""What is asked beyond this is not granted. It is also as long as SQS delays a message, so that no wait is in flight."""

_STATUSES = (429, 503)
_SECONDS = re.compile(r"[0-9]{1,20}")
_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
"""RFC 9110, 5.6.7: the one that is sent today, and the two that a recipient must still read."""

_MAX_LENGTH = 64


def seconds_asked(status: int, header: str | None, at: datetime) -> int | None:
    """1 to MAX_SECONDS, counted from `at`; None for other statuses, a time that is over, and what the RFC does not allow."""
    if status not in _STATUSES or header is None or len(header) > _MAX_LENGTH:
        return None
    seconds = int(header) if _SECONDS.fullmatch(header) else _until(header, at)
    return min(seconds, MAX_SECONDS) if seconds > 0 else None


def _until(date: str, at: datetime) -> int:
    """0 for what is no date."""
    for form in _DATES:
        try:
            return ceil((datetime.strptime(date, form).replace(tzinfo=UTC) - at).total_seconds())
        except ValueError:
            continue
    return 0
