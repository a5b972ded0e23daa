"""Refusals as `application/problem+json` (RFC 9457), and which exception becomes which."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from webhooks.errors import Conflict, EventRejected, EventTooLarge, NotFound, UrlRefused, WebhooksError

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal: `errors` name the fields, `headers` go with the answer."""

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
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(values | ({"errors": list(self.errors)} if self.errors else {}))

    def response(self) -> dict[str, Any]:
        """As API Gateway takes it."""
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.body(), "isBase64Encoded": False}


def field_problem(field: str, detail: str, status: int = 422) -> Problem:
    return Problem(status, f"{field}: {detail}", errors=[{"field": field, "detail": detail}])


def of_error(error: WebhooksError) -> Problem:
    """The one place where the domain's errors get a status."""
    match error:
        case EventTooLarge():
            return field_problem(error.field, error.detail, 413)
        case EventRejected():
            return field_problem(error.field, error.detail)
        case UrlRefused():
            return field_problem("url", str(error))
        case NotFound():
            return Problem(404, str(error))
        case Conflict():
            return Problem(409, str(error))
        case _:
            return Problem(500, "something went wrong on our side; try again")


def of_validation(errors: Sequence[Mapping[str, Any]], *, allowed: Sequence[str] = ()) -> Problem:
    """
    From pydantic's list of errors, without the values that were sent: they may be secrets.

    `allowed` are the fields of the body.
    """
    named = []
    for error in errors:
        place = [str(part) for part in error["loc"]]
        where = ".".join(place[1:]) or place[0]
        named.append({"field": where, "detail": _reworded(error, allowed)})
    return Problem(422, "; ".join(f"{e['field']}: {e['detail']}" for e in named[:3]), errors=named)


def _reworded(error: Mapping[str, Any], allowed: Sequence[str]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"is unknown; allowed are {', '.join(allowed)}"
        case "missing":
            return "is required"
        case "model_attributes_type":
            return "must be a JSON object"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")
