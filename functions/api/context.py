"""What an endpoint can take as a parameter besides those of the request."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends, Request

from api.access import AccountCaller, Caller, WebhookCaller


def _caller(request: Request) -> Any:
    return request.context["caller"]


def _line(request: Request) -> Any:
    return request.context["line"]


AnyCaller = Annotated[Caller, Depends(_caller)]
Account = Annotated[AccountCaller, Depends(_caller)]
"""The caller of routes of the role account."""

Owner = Annotated[WebhookCaller, Depends(_caller)]
"""The caller of routes of the role account with a webhook in their path."""

LogLine = Annotated[dict[str, Any], Depends(_line)]
"""The log line of the call. An endpoint adds what only it knows, such as a new id."""
