"""The HTTPS API: admits the call, lets its route answer, and says every refusal the same way."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from api import delivery_routes, platform_routes, webhook_routes
from api.access import Caller, admit, read_body
from api.documentation import DESCRIPTION, TITLE, VERSION
from api.problems import CONTENT_TYPE, Problem, of_error, of_validation
from webhooks.errors import WebhooksError

logger = Logger()
app = APIGatewayHttpResolver(enable_validation=True)
for routes in (webhook_routes, delivery_routes, platform_routes):
    app.include_router(routes.router)
_SPECIFICATION: dict[str, Any] = {
    "title": TITLE,
    "version": VERSION,
    "description": DESCRIPTION,
    "security_schemes": {"bearer": HTTPBearer()},
}
app.enable_swagger(path="/docs", **_SPECIFICATION)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(200, content_types.APPLICATION_JSON, app.get_openapi_json_schema(**_SPECIFICATION))


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def invalid(error: RequestValidationError) -> Response[str]:
    problem = of_validation(error.errors())
    return Response(problem.status, CONTENT_TYPE, problem.body())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Never raises: what we failed at is a 500 that says nothing of our insides."""
    started = time.monotonic()
    caller = None
    try:
        caller, response = _answer(event, context)
    except Problem as problem:
        response = problem.response()
    except WebhooksError as error:
        response = of_error(error).response()
    except Exception:
        logger.exception("call.failed")
        response = of_error(WebhooksError()).response()
    _report(event, caller, response, time.monotonic() - started)
    return response


def _answer(event: dict[str, Any], context: Any) -> tuple[Caller | None, dict[str, Any]]:
    http = event["requestContext"]["http"]
    head = http["method"] == "HEAD"
    if head:
        http["method"] = "GET"
    caller = admit(event)
    if http["method"] in ("POST", "PATCH"):
        read_body(event)
    app.append_context(caller=caller)
    response = app.resolve(event, context)
    response["statusCode"] = int(response["statusCode"])
    response["headers"] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **response["headers"]}
    return caller, response | {"body": ""} if head else response


def _report(event: dict[str, Any], caller: Caller | None, response: dict[str, Any], seconds: float) -> None:
    logger.info(
        "call.answered",
        method=event["requestContext"]["http"]["method"],
        route=caller.route if caller else None,
        key_id=caller.key.id if caller and caller.key else None,
        account_id=caller.key.account_id if caller and caller.key else None,
        status=response["statusCode"],
        duration_ms=round(seconds * 1000),
    )
