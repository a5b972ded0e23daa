"""The HTTPS API: admits the call, lets its route answer, and says every refusal the same way."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from api import delivery_routes, platform_routes, webhook_routes
from api.access import WITHOUT_BODY, Caller, admit, authenticate, read_body, recognise
from api.documentation import DESCRIPTION, EXPLORER_HEADERS, TITLE, VERSION, Specified, explorer, server
from api.portal.page import render
from api.problems import CONTENT_TYPE, Problem, field_problem, of_error, of_validation
from webhooks.errors import WebhooksError

logger = Logger()
app: APIGatewayHttpResolver = Specified(enable_validation=True)
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
for routes in (webhook_routes, delivery_routes, platform_routes):
    app.include_router(routes.router)


@app.get("/settings/webhooks", include_in_schema=False, compress=True)
def page() -> Response[str]:
    html, headers = render(os.environ["FRAME_ANCESTORS"] or "'none'")
    return Response(200, "text/html; charset=utf-8", html, headers=headers)


@app.get("/openapi.json", include_in_schema=False, compress=True)
def openapi() -> Response[str]:
    return Response(200, content_types.APPLICATION_JSON, specification())


@app.get("/docs", include_in_schema=False, compress=True)
def docs() -> Response[str]:
    if app.current_event.query_string_parameters.get("format") == "json":
        return openapi()  # the explorer's own link to it
    return Response(200, content_types.TEXT_HTML, explorer(specification()), headers=EXPLORER_HEADERS)


def specification() -> str:
    """OpenAPI, as JSON."""
    url = os.environ.get("PUBLIC_URL", "https://webhooks.example.com")
    return app.get_openapi_json_schema(title=TITLE, version=VERSION, description=DESCRIPTION, servers=[server(url)])


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def invalid(error: RequestValidationError) -> Response[str]:
    bodies = app.context["_route"].dependant.body_params
    problem = of_validation(error.errors(), allowed=[name for body in bodies for name in body.type_.model_fields])
    return Response(problem.status, CONTENT_TYPE, problem.body())


def _refuse_unknown_query(method: str, path: str, given: Mapping[str, str]) -> None:
    """A filter that is misspelt must not show everything. Calls without parameters don't mind any. Raises Problem 422."""
    if not given:
        return
    (route,) = [r for r in (*app._static_routes, *app._dynamic_routes) if (r.method, r.path) == (method, path)]
    allowed = [parameter.alias for parameter in route.dependant.query_params]
    for name in given if allowed else ():
        if name not in allowed:
            raise field_problem(name[:80], f"is unknown; allowed are {', '.join(allowed)}")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Never raises: what we failed at is a 500 that says nothing of our insides."""
    started = time.monotonic()
    method = event["requestContext"]["http"]["method"]
    line: dict[str, Any] = {"method": method}
    try:
        response = _answer(event, context, line)
    except Problem as problem:
        response = problem.response()
    except WebhooksError as error:
        response = of_error(error).response()
    except Exception:
        logger.exception("call.failed")
        response = of_error(WebhooksError()).response()
    duration = round((time.monotonic() - started) * 1000)
    logger.info("call.answered", **line, status=response["statusCode"], duration_ms=duration)
    return response | {"body": ""} if method == "HEAD" else response


def _answer(event: dict[str, Any], context: Any, line: dict[str, Any]) -> dict[str, Any]:
    """`line` takes what becomes known of the call, so that a refusal is logged with as much as an answer."""
    http = event["requestContext"]["http"]
    if http["method"] == "HEAD":
        http["method"] = "GET"
    call = recognise(http["method"], event["rawPath"])
    line["route"] = call.route
    caller = Caller(None, None)
    if call.rule != "open":
        key = authenticate(event["headers"].get("authorization", ""))
        line.update(key_id=key.id, account_id=key.account_id)
        caller = admit(call, key)
    _refuse_unknown_query(http["method"], call.route, event.get("queryStringParameters") or {})
    if http["method"] in ("POST", "PATCH") and call.route != WITHOUT_BODY:
        read_body(event)
    app.append_context(caller=caller, line=line)
    response = app.resolve(event, context)
    response |= {"statusCode": int(response["statusCode"]), "body": response.get("body") or ""}
    response["headers"] = _HEADERS | response["headers"]
    return response
