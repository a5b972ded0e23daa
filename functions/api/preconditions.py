"""`ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): two people who edit one webhook do not undo each other's work."""

from __future__ import annotations

import re

from api.problems import Problem, field_problem
from webhooks.models import Webhook

_TAG = r'(W/)?"[!#-~]*"'
_LIST = re.compile(rf"\s*{_TAG}\s*(,\s*{_TAG}\s*)*")
LIST_OR_ANY = rf"^(\*|{_LIST.pattern})$"
"""For the specification."""


def etag(webhook: Webhook) -> str:
    """Of what people edit: a status that changes by itself is no edit."""
    return f'"{webhook.version}"'


def check_match(if_match: str | None, webhook: Webhook) -> int | None:
    """
    The version that must still be there when the edit is made, None if any will do.

    Raises Problem 412 if there is another one already, 400 for what is no list of entity tags.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if not _LIST.fullmatch(if_match):
        raise field_problem("If-Match", 'is no list of entity tags such as "3"; send the ETag as it was given', 400)
    given = [tag[0] for tag in re.finditer(_TAG, if_match)]
    if etag(webhook) not in given:  # strong comparison: a weak one matches nothing
        raise changed_meanwhile()
    return webhook.version


def changed_meanwhile() -> Problem:
    return Problem(412, "the webhook was changed meanwhile; read it again, and edit what is there now")
