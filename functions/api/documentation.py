"""The specification (OpenAPI) of the routes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, get_args

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import Field

from api.event_specification import describe_events
from api.fields import EventName, Out
from api.problems import CONTENT_TYPE, phrase
from api.public_schemas import PREFIX, rename, share_enums
from api.routing import KEYS, Route, register
from api.statistics import Period
from webhooks.api_keys import Role
from webhooks.catch_up import SentAgain
from webhooks.deliveries import DeliveryStatus
from webhooks.models import WebhookStatus

TITLE = "AIsoule Webhooks"
VERSION = "1"
DESCRIPTION = """Signed POST requests to your server when something happens in AIsoule.

Authenticate with `Authorization: Bearer <key>`. Errors are `application/problem+json` (RFC 9457) and name
the invalid fields."""
_ENUMS = {
    "EventName": get_args(EventName),
    "WebhookStatus": get_args(WebhookStatus),
    "DeliveryStatus": get_args(DeliveryStatus),
    "Role": get_args(Role),
    "SentAgain": get_args(SentAgain),
    "StatsPeriod": get_args(Period),
}
_HEADERS_OF_REFUSALS = {
    401: ("WWW-Authenticate", "Always `Bearer`, with a realm."),
    429: ("Retry-After", "Seconds until a new minute begins."),
    503: ("Retry-After", "Seconds after which to repeat the call."),
}


class FieldError(Out):
    field: str = Field(examples=["url"])
    detail: str = Field(examples=["starts with http; only https:// is allowed"])


class ProblemOut(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


def specification(routes: Iterable[Route], url: str) -> str:
    """
    OpenAPI, as JSON.

    Powertools generates what follows from the endpoints' signatures. It promises a 422 in a shape of its own everywhere,
    gives a 204 a body, requires each body, and allows `null` for parameters that can only be left out; here that is
    replaced by what the routes declare.
    """
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server  # 80 ms of CPU, only here

    app = APIGatewayHttpResolver(enable_validation=True)
    register(app, routes)
    document: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(
            title=TITLE,
            version=VERSION,
            description=DESCRIPTION,
            servers=[Server(url=url)],
            security_schemes={scheme: HTTPBearer(description=description) for scheme, description in KEYS.items()},
        )
    )
    for route in routes:
        _complete(document["paths"][route.path.replace("<", "{").replace(">", "}")][route.method.lower()], route)
    problem = ProblemOut.model_json_schema(ref_template=PREFIX + "{model}")
    schemas = document["components"]["schemas"]
    schemas |= {**problem.pop("$defs"), "ProblemOut": problem}
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(name, None)
    share_enums(document, _ENUMS)
    document = rename(document)
    describe_events(document)
    return json.dumps(document)


def _complete(operation: dict[str, Any], route: Route) -> None:
    for parameter in operation.get("parameters", ()):
        _allow_no_null(parameter["schema"])
    if "requestBody" in operation:
        operation["requestBody"]["required"] = route.body == "required"
    success = operation["responses"][str(route.success)] | {"description": phrase(route.success)}
    if route.success == HTTPStatus.NO_CONTENT:
        del success["content"]
    if route.headers:
        success["headers"] = {name: _header(description) for name, description in route.headers.items()}
    refusals = {str(status): _refusal(status) for status in sorted(_refusals(operation, route))}
    operation["responses"] = {str(route.success): success, **refusals}


def _refusals(operation: dict[str, Any], route: Route) -> set[int]:
    found = {401, 500, *route.refusals}
    if route.role != "any":
        found.add(403)
    if "<" in route.path:
        found.add(404)
    if route.body != "none":
        found |= {400, 413, 415, 422}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        found |= {400, 422}
    return found


def _refusal(status: int) -> dict[str, Any]:
    refusal: dict[str, Any] = {
        "description": phrase(status),
        "content": {CONTENT_TYPE: {"schema": {"$ref": f"{PREFIX}ProblemOut"}}},
    }
    if status in _HEADERS_OF_REFUSALS:
        name, description = _HEADERS_OF_REFUSALS[status]
        refusal["headers"] = {name: _header(description)}
    return refusal


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": "string"}}


def _allow_no_null(schema: dict[str, Any]) -> None:
    for alternative in schema.pop("anyOf", ()):
        if alternative.get("type") != "null":
            schema.update(alternative)
