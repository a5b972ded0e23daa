"""Calls of DynamoDB, SQS and EventBridge, given to moto's own handlers of them: most of what moto costs is to find these."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.responses import DynamoHandler
from moto.events.responses import EventsHandler
from moto.sqs.responses import SQSResponse
from requests.structures import CaseInsensitiveDict
from werkzeug.exceptions import HTTPException

_HANDLERS = {
    "dynamodb.us-east-1.amazonaws.com": DynamoHandler,
    "events.us-east-1.amazonaws.com": EventsHandler,
    "sqs.us-east-1.amazonaws.com": SQSResponse,
}
_process_request = BotocoreStubber.process_request
_add_auth = SigV4Auth.add_auth


def process_request(self: BotocoreStubber, request: Any) -> Any:
    """As moto's own: status, headers and body. Another service's call goes the usual way."""
    url = urlsplit(request.url)
    if url.netloc not in _HANDLERS:
        return _process_request(self, request)
    handler = _HANDLERS[url.netloc]()
    _set_up(handler, request, url.path)
    try:
        return handler.call_action()
    except HTTPException as refused:
        return refused.code, refused.get_headers(), refused.get_body()


def add_auth(self: SigV4Auth, request: Any) -> None:
    """moto checks no signature. Whatever is asked elsewhere is signed."""
    if urlsplit(request.url).netloc not in _HANDLERS:
        _add_auth(self, request)


def _set_up(handler: Any, request: Any, path: str) -> None:
    """What its `setup_class` makes of a request in JSON."""
    texts = ((name, value.decode() if isinstance(value, bytes) else value) for name, value in request.headers.items())
    headers = CaseInsensitiveDict(texts)
    handler.headers, handler.response_headers = headers, {"server": "amazon.com"}
    handler.body = request.body.decode()
    handler.method, handler.uri, handler.path = request.method, request.url, path
    handler.querystring, handler.uri_match = {}, {}
    handler.region, handler.partition, handler.current_account = "us-east-1", "aws", DEFAULT_ACCOUNT_ID
    handler.access_key = "testing"
    if handler.automated_parameter_parsing:
        handler.parse_parameters(
            SimpleNamespace(
                method=request.method,
                content_type=headers["Content-Type"],
                values={},
                headers=headers,
                data=request.body,
                path=path,
            )
        )
