"""Refusals as `application/problem+json` (RFC 9457), and the status of each domain error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from webhooks.errors import (
    AddressRefused,
    Conflict,
    EventTooLarge,
    FieldRefused,
    NotFound,
    NotSent,
    RateLimited,
    UrlRefused,
    WebhooksError,
)

CONTENT_TYPE = "application/problem+json"

_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
"""By RFC 9110. Python has these names since 3.13, and what an answer says must not depend on that."""


def phrase(status: int) -> str:
    """The status in words."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class Problem(Exception):
    """A refusal. `errors` name the fields; `headers` are headers of the response."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> str:
        values: dict[str, Any] = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(values | ({"errors": list(self.errors)} if self.errors else {}))

    def response(self) -> dict[str, Any]:
        """Returns the answer in the format that API Gateway expects."""
        headers = {"Content-Type": CONTENT_TYPE, **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.body(), "isBase64Encoded": False}


OUR_FAULT = Problem(500, "something went wrong on our side; try again")


def field_problem(field: str, detail: str, status: int = 422) -> Problem:
    return Problem(status, f"{field}: {detail}", errors=[{"field": field, "detail": detail}])


def of_error(error: WebhooksError) -> Problem:
    match error:
        case EventTooLarge():
            return field_problem(error.field, error.detail, 413)
        case FieldRefused():
            return field_problem(error.field, error.detail)
        case AddressRefused():
            return field_problem("url", f"{error}; only public addresses are allowed")
        case UrlRefused():
            return field_problem("url", str(error))
        case NotFound():
            return Problem(404, str(error))
        case Conflict():
            return Problem(409, str(error))
        case RateLimited():
            return Problem(429, str(error), headers={"Retry-After": str(error.retry_after)})
        case NotSent():
            return Problem(503, str(error), headers={"Retry-After": "1"})
        case _:
            return OUR_FAULT
