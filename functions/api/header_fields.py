"""The custom headers of a webhook's POSTs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")
MAX_HEADERS = 10
RESERVED_HEADERS = re.compile(
    r"(?i)(x-)?webhook-.*|proxy(-.*)?|sec-.*|host|content-.*|transfer-encoding|connection|keep-alive|te|trailers?|upgrade|"
    r"expect|user-agent|accept-encoding|cookie2?|date|via|http2-settings|forwarded|x-forwarded-.*|x-original-.*|"
    r"x-rewrite-.*|(.*-)?client-ip|cf-connecting-.*|x-real-ip|x-http-method.*|x-method-override|max-forwards|range|if-.*"
)
"""Headers that we set ourselves or that servers and proxies trust, with hyphens for underscores."""


def header_identity(name: str) -> str:
    """
    Returns what two names share if a receiver may take them for one: CGI passes headers on as variables, without case and
    with underscores.
    """
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
        max_length=2 * MAX_HEADERS,  # all are removed, and as many added
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


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Custom headers as they are shown: their values are secrets of the endpoint."""
    return dict.fromkeys(headers, "••••••••")
