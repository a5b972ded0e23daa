"""What is wrong with a body or a query, from pydantic's errors: the fields by name, and words of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.problems import Problem
from webhooks.payload import ID

MAX_ERRORS = 20
"""Listed in one answer."""

MAX_FIELD = 200
"""Characters of a field's name that an answer repeats."""

ID_PATTERN = f"^{ID}$"
WHATSAPP_ACCOUNT_ID_PATTERN = r"^[^\s,]+$"
VIEW_PATTERN = rf"^(new|wh_[A-Za-z0-9]{{1,61}}(/edit|/secret|/deliveries/{ID})?)$"
PATTERNS = {
    ID_PATTERN: "must be 1 to 64 letters, digits, hyphens or underscores",
    WHATSAPP_ACCOUNT_ID_PATTERN: "must not contain white space or commas",
    VIEW_PATTERN: "must be new, a webhook's id, or that and /edit, /secret or /deliveries/ with an event's id",
}
"""What is said of a text that does not match."""

Allowed = Callable[[Sequence[str | int]], Sequence[str]]
"""Returns the fields of the object at a place in the body, such as `("events", 3)`."""


def of_validation(errors: Sequence[Mapping[str, Any]], *, allowed: Allowed) -> Problem:
    """The problem for pydantic's errors, without the values that were sent: they may be secrets."""
    named = [_field_error(error, allowed) for error in errors[:MAX_ERRORS]]
    detail = "; ".join(f"{error['field']}: {error['detail']}" for error in named[:3])
    if len(errors) > MAX_ERRORS:
        detail += f"; {len(errors)} errors in total, of which the first {MAX_ERRORS} are listed"
    return Problem(422, detail, errors=named)


def _field_error(error: Mapping[str, Any], allowed: Allowed) -> dict[str, str]:
    return {"field": _place(error["loc"])[:MAX_FIELD], "detail": _reworded(error, allowed)}


def _place(loc: Sequence[str | int]) -> str:
    """Such as `events[3].data`; `loc` begins with `body` or `query`."""
    first, *rest = loc[1:] or loc
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


_WORDS = {
    "missing": "is required",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "string_type": "must be a string",
    "string_unicode": "must not contain half of a surrogate pair",
    "bool_type": "must be true or false",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_parsing_size": "has too many digits",
    "int_from_float": "must be an integer",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
}
"""The words of the answer, by pydantic's type of error. Where strings and arrays have a minimum length, it is 1."""


def _reworded(error: Mapping[str, Any], allowed: Allowed) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return f"is not a known field; allowed fields: {', '.join(allowed(error['loc'][1:-1]))}"
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"must match {context['pattern']}")
    if kind in _WORDS:
        return _WORDS[kind].format(**context)
    return str(error["msg"]).removeprefix("Value error, ")
