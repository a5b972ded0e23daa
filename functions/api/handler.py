"""The HTTPS API. Authorizes each call, passes it to its endpoint, and turns errors into problem responses."""

from __future__ import annotations

import time
from typing import Any, NoReturn

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from api import inbox, open_routes
from api.access import Caller, authenticate, authorize
from api.bodies import normalise_body
from api.problems import OUR_FAULT, Problem, field_problem, of_error
from api.routes import API
from api.routing import Match, Route, match_route, register
from api.validation import of_validation
from webhooks.errors import WebhooksError

logger = Logger(use_rfc3339=True)
ROUTES = (*API, *open_routes.routes, *inbox.routes)
app = APIGatewayHttpResolver(enable_validation=True)
register(app, ROUTES)
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Defaults of every answer."""


def lambda_handler(http_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Never raises. A fault of ours is a 500 that does not reveal its cause."""
    started = time.monotonic()
    method = http_event["requestContext"]["http"]["method"]
    line: dict[str, Any] = {"method": method}
    try:
        response = _answer(http_event, context, line)
    except Problem as problem:
        response = problem.response()
    except WebhooksError as error:
        response = of_error(error).response()
    except Exception:
        logger.exception("call.failed")
        response = OUR_FAULT.response()
    duration = round((time.monotonic() - started) * 1000)
    logger.info("call.answered", **line, status=response["statusCode"], duration_ms=duration)
    body = "" if method == "HEAD" else response.get("body") or ""
    return response | {"body": body, "headers": _HEADERS | response["headers"]}


def _answer(http_event: dict[str, Any], context: Any, line: dict[str, Any]) -> dict[str, Any]:
    """Adds to `line` what becomes known about the call, so that refusals are logged as fully as answers."""
    http = http_event["requestContext"]["http"]
    if http["method"] == "HEAD":
        http["method"] = "GET"
    match = match_route(ROUTES, http["method"], http_event["rawPath"])
    line["route"] = match.route.path
    if match.route.role != "open":  # the path of a test address has its token
        line["path"] = http_event["rawPath"]
    caller = None if match.route.role == "open" else _caller(match, http_event, line)
    _refuse_unknown_query(match.route, http_event.get("queryStringParameters") or {})
    normalise_body(http_event, match.route.body, max_kib=match.route.max_kib)
    app.append_context(route=match.route, caller=caller, line=line)
    response = app.resolve(http_event, context)
    return response | {"statusCode": int(response["statusCode"])}


def _caller(match: Match, http_event: dict[str, Any], line: dict[str, Any]) -> Caller:
    key = authenticate(http_event["headers"].get("authorization", ""))
    line.update(key_id=key.id, account_id=key.account_id)
    return authorize(match, key)


def _refuse_unknown_query(route: Route, given: dict[str, str]) -> None:
    """Raises Problem 422: a misspelt filter must not return everything. Routes without query parameters ignore them."""
    if not given or not route.query_parameters:
        return
    for name in given:
        if name not in route.query_parameters:
            raise field_problem(
                name[:80], f"is not a known parameter; allowed parameters: {', '.join(route.query_parameters)}"
            )


@app.exception_handler([Problem, WebhooksError])  # type: ignore[untyped-decorator]
def pass_on(error: Exception) -> NoReturn:
    """Passes the error on to `lambda_handler`. Without this handler, the resolver would log it with a traceback."""
    raise error


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def refuse_invalid(error: RequestValidationError) -> NoReturn:
    route: Route = app.context["route"]
    raise of_validation(error.errors(), allowed=route.fields_at) from None
