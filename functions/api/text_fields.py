"""Texts that people write: names, and addresses for mails."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
"""Unicode's Default_Ignorable_Code_Point within the first plane, and the blank Braille pattern."""
_INVISIBLE_ABOVE = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
"""The others. Not in the specification: regular expressions of different languages write them differently."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")
"""RFC 5321 without quotes and address literals. SES takes ASCII only: a domain in another script is given in Punycode."""


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
Email = Annotated[
    str,
    Field(max_length=254, examples=["ops@example.com"], json_schema_extra={"pattern": f"^{_EMAIL.pattern}$"}),
    AfterValidator(_mailable),
]
