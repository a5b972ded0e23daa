"""How the calls are described in /openapi.json."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import Field

from api.fields import Out
from api.problems import CONTENT_TYPE

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.models import OpenAPI, Server

TITLE = "AIsoule Webhooks"
VERSION = "1"
DESCRIPTION = """Signed POSTs to your own server when something happens in AIsoule.

Authenticate with `Authorization: Bearer <key>`. Refusals are `application/problem+json` (RFC 9457) and name the field."""
EXPLORER_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
"""The explorer is one page with all in it: it may ask nobody but this API."""


_WITH_HEADER = {
    401: ("WWW-Authenticate", "Bearer."),
    429: ("Retry-After", "Seconds until the next call is counted anew."),
    503: ("Retry-After", "Seconds."),
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


def explorer(specification: str) -> str:
    """
    One page with script, style and specification in it.

    `enable_swagger` makes the same, but loads the specification's models at every cold start (80 ms of CPU).
    """
    from aws_lambda_powertools.event_handler.openapi import swagger_ui

    folder = Path(swagger_ui.__file__).parent
    script = (folder / "swagger-ui-bundle.min.js").read_text(encoding="utf-8")
    style = (folder / "swagger-ui.min.css").read_text(encoding="utf-8")
    escaped = specification.replace("</", "<\\/")  # or a text in it could end the script
    return swagger_ui.generate_swagger_html(escaped, script, style, "", None)


def server(url: str) -> Server:
    from aws_lambda_powertools.event_handler.openapi.models import Server  # 80 ms of CPU, only here

    return Server(url=url)


class Specified(APIGatewayHttpResolver):
    """Describes each call by its docstring, and names no refusal that is never given."""

    def get_openapi_schema(self, **options: Any) -> OpenAPI:
        from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

        for route in (*self._static_routes, *self._dynamic_routes):
            route.description = inspect.getdoc(route.func)
        specification = super().get_openapi_schema(**options | {"security_schemes": {"bearer": HTTPBearer()}})
        for item in (specification.paths or {}).values():
            for method in ("get", "post", "patch", "delete"):
                if operation := getattr(item, method):
                    _tell_the_truth(operation)
        if specification.components and (schemas := specification.components.schemas):
            for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
                schemas.pop(name, None)
        return specification


def _tell_the_truth(operation: Any) -> None:
    """
    Where Powertools describes what it would do by itself, and we do otherwise.

    It promises a 422 in a shape of its own everywhere: ours are problem+json, and only where one can happen. It gives a
    204 a body, requires each body, and allows `null` for parameters, which can only be left out.
    """
    if CONTENT_TYPE not in (operation.responses[422].content or {}):
        del operation.responses[422]
    if 204 in operation.responses:
        operation.responses[204].content = None
    if operation.operationId == "rotateSecret":
        operation.requestBody.required = False
    for parameter in operation.parameters or ():
        parameter.schema_ = _without_null(parameter.schema_)


def _without_null(schema: Any) -> Any:
    if not schema.anyOf:
        return schema
    (one,) = [alternative for alternative in schema.anyOf if alternative.type != "null"]
    own, its = (part.model_dump(by_alias=True, exclude_unset=True) for part in (schema, one))
    del own["anyOf"]
    return type(schema)(**own | its)


def described(operation_id: str, summary: str, success: int, *refusals: int) -> dict[str, Any]:
    """Arguments of a route's decorator. The schema of the success is the annotated return type's."""
    responses: dict[int, Any] = {success: {"description": HTTPStatus(success).phrase}}
    if operation_id in ("createWebhook", "getWebhook", "updateWebhook"):
        responses[success]["headers"] = {"ETag": _header("For If-Match, when you edit what you read here.")}
    if operation_id == "createWebhook":
        responses[success]["headers"]["Location"] = _header("Path of the webhook.")
    for status in (*refusals, 500):
        responses[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {CONTENT_TYPE: {"model": ProblemOut}},
        }
        if status in _WITH_HEADER:
            name, description = _WITH_HEADER[status]
            responses[status]["headers"] = {name: _header(description)}
    return {
        "operation_id": operation_id,
        "summary": summary,
        "responses": responses,
        "tags": [_tag(operation_id)],
        "security": [{"bearer": []}],
    }


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": "string"}}


def _tag(operation_id: str) -> str:
    for word, tag in (("Deliver", "Deliveries"), ("Event", "Events"), ("Key", "API keys"), ("Portal", "Portal")):
        if word in operation_id:
            return tag
    return "Webhooks"
