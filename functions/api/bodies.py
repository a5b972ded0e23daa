"""Checks of a request's body before its fields are validated."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from typing import Any

from api.problems import Problem, field_problem
from api.routing import BodyRule
from api.validation import MAX_FIELD

MAX_DEPTH = 100
"""Levels of nesting: far more than payloads have, far fewer than Python's and pydantic's recursion can bear."""
MAX_FIELDS = 1000
"""Fields of all objects of a body: twice what a batch of 100 events has, and few enough that refusing each costs little."""

_NESTS = (dict, list)


def normalise_body(http_event: dict[str, Any], rule: BodyRule, *, max_kib: int) -> None:
    """
    Leaves a JSON object of at most `max_kib` KiB, as text, in API Gateway's event.

    Raises Problem: 413 for a body that is too large, 415 for another content type, 400 for what is not JSON, 422 for an
    object whose fields, with those of the objects within it, are too many; an event's `data` may have any number.
    """
    if rule == "none":
        return
    body = http_event.get("body") or ("{}" if rule == "optional" else "")
    encoded = http_event.get("isBase64Encoded", False)
    size = len(body.rstrip("=")) * 3 // 4 if encoded else len(body.encode(errors="replace"))
    if size > max_kib * 1024:
        raise Problem(413, f"the body has {size} bytes; the limit is {max_kib * 1024} bytes")
    content_type = http_event["headers"].get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Problem(415, f"Content-Type must be application/json, not {content_type[:80]!r}")
    http_event.update(body=_json_object(body, encoded=encoded), isBase64Encoded=False)
    http_event["headers"]["content-type"] = content_type  # Powertools compares it in lower case


def _json_object(body: str, *, encoded: bool) -> str:
    """Returns the text of the object."""
    try:
        text = base64.b64decode(body).decode() if encoded else body
        value = json.loads(text)
    except UnicodeDecodeError:
        raise Problem(400, "the body is not valid UTF-8") from None
    except (json.JSONDecodeError, binascii.Error) as invalid:
        raise Problem(400, f"the body is not valid JSON: {invalid}") from None
    except ValueError:
        digits = sys.get_int_max_str_digits()
        raise Problem(400, f"the body has a number with too many digits; at most {digits} are allowed") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise Problem(400, "the body must be a JSON object")
    if _deeper_than(MAX_DEPTH, value):
        raise _too_deep()
    _refuse_many_fields(value)
    return text


def _refuse_many_fields(body: dict[str, Any]) -> None:
    """Raises Problem 422 that names the body, or the field of it with most of them."""
    within = {name: _count_fields(value) for name, value in body.items() if name != "data"}
    count = len(body) + sum(within.values())
    if count > MAX_FIELDS:
        field = "body" if len(body) > MAX_FIELDS else max(within, key=within.__getitem__)
        detail = f"has too many fields; the body has {count}, and at most {MAX_FIELDS} are allowed"
        raise field_problem(field[:MAX_FIELD], detail)


def _count_fields(value: Any) -> int:
    """Counts the fields of all objects in the value but those in `data`. None may be nested deeper than `MAX_DEPTH`."""
    if isinstance(value, dict):
        return len(value) + sum(_count_fields(inner) for name, inner in value.items() if name != "data")
    if isinstance(value, list):
        return sum(_count_fields(inner) for inner in value if isinstance(inner, _NESTS))
    return 0


def _too_deep() -> Problem:
    return Problem(400, f"the body is nested too deeply; at most {MAX_DEPTH} levels are allowed")


def _deeper_than(limit: int, value: Any) -> bool:
    """Level by level: how much of Python's recursion is left differs between versions and callers."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _NESTS)
        ]
    return bool(level)
