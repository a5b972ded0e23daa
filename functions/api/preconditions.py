"""`ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1), so that two people do not undo each other's edits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header

from api.problems import Problem, field_problem
from webhooks.errors import Conflict
from webhooks.models import Webhook

_TAG = r'(W/)?"[!#-~]*"'
_LIST = re.compile(rf"\s*{_TAG}\s*(,\s*{_TAG}\s*)*")
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The `ETag` that you read. If the webhook has been edited since, the call is refused with 412.",
        json_schema_extra={"pattern": rf"^(\*|{_LIST.pattern})$", "examples": ['"3"']},
    ),
]
ETAG = {"ETag": "The version for `If-Match`."}


def etag(webhook: Webhook) -> str:
    """Changes with every edit by a person, not when the status changes by itself."""
    return f'"{webhook.version}"'


@contextmanager
def matching(if_match: str | None, webhook: Webhook) -> Iterator[int | None]:
    """
    For an edit that is made inside. Yields the version that the webhook must still have when the edit is written; None if
    any will do.

    Raises Problem: 412 if it has another one already, or the edit raises Conflict, 400 for a malformed header.
    """
    version = _version(if_match, webhook)
    try:
        yield version
    except Conflict:
        if version is None:
            raise
        raise _changed_meanwhile() from None


def _version(if_match: str | None, webhook: Webhook) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    if not _LIST.fullmatch(if_match):
        raise field_problem("If-Match", 'must be an entity tag such as "3", a list of them, or *', 400)
    given = [tag[0] for tag in re.finditer(_TAG, if_match)]
    if etag(webhook) not in given:  # strong comparison: a weak one matches nothing
        raise _changed_meanwhile()
    return webhook.version


def _changed_meanwhile() -> Problem:
    return Problem(412, "the webhook has been changed since you read it; read it again and repeat your edit")
