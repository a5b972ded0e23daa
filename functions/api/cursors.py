"""Cursors, opaque to callers. They contain only a sort key: the partition always comes from the path."""

from __future__ import annotations

import base64
import re

from api.problems import field_problem
from webhooks import payload
from webhooks.delivery_places import log_place, pending_place

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

ID = re.compile(payload.ID)
NUMBER = re.compile(r"[1-9]\d{0,11}", re.ASCII)
# A place made of patterns is the pattern of such places.
DELIVERY = re.compile(log_place(_TIME, payload.ID))
RECOVERY = re.compile(f"{DELIVERY.pattern}|{pending_place(_TIME, DELIVERY.pattern)}")


def encode(sort_key: str | None) -> str | None:
    return sort_key and base64.urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def decode(cursor: str | None, shape: re.Pattern[str]) -> str | None:
    """Returns the sort key. Raises Problem 400 if it does not have the `shape`."""
    if cursor is None:
        return None
    try:
        sort_key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        sort_key = ""
    if not shape.fullmatch(sort_key):
        raise field_problem("cursor", "is not a cursor of this list; start again without it", 400)
    return sort_key
