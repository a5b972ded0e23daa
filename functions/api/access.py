"""Who may make which call, decided before anything of the request's body is looked at: 404 and 405, 401, 403, 404."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from api.keys import Key, KeyTable, Role
from api.problems import Problem
from webhooks.clients import client
from webhooks.config_table import ConfigTable
from webhooks.models import Webhook, now

Rule = Role | Literal["any", "open"]

_WEBHOOK = "/v1/webhooks/<webhook_id>"
RULES: dict[str, dict[str, Rule]] = {
    "/v1/webhooks": {"GET": "account", "POST": "account"},
    _WEBHOOK: {"GET": "account", "PATCH": "account", "DELETE": "account"},
    f"{_WEBHOOK}/secret": {"GET": "account"},
    f"{_WEBHOOK}/deliveries": {"GET": "account"},
    f"{_WEBHOOK}/deliveries/<event_id>": {"GET": "account"},
    "/v1/event-types": {"GET": "any"},
    "/v1/events": {"POST": "platform"},
    "/v1/api-keys": {"GET": "platform", "POST": "platform"},
    "/v1/api-keys/<key_id>": {"DELETE": "platform"},
    "/openapi.json": {"GET": "open"},
    "/docs": {"GET": "open"},
}
_PATTERNS = [(re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[A-Za-z0-9_-]{1,64})", path)), path) for path in RULES]


@dataclass(frozen=True, slots=True)
class Caller:
    """An admitted call: its route, the key that opened it, the webhook in its path if there is one."""

    route: str
    key: Key | None
    webhook: Webhook | None


def admit(event: dict[str, Any]) -> Caller:
    """Raises Problem: 404 no such route, 405, 401 who are you, 403 may you, 404 is it yours; NotFound for the last."""
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    route, parameters = _route(path)
    methods = RULES[route]
    if method not in methods:
        raise Problem(405, f"{method} is not allowed here", headers={"Allow": ", ".join(_allowed(methods))})
    rule = methods[method]
    if rule == "open":
        return Caller(route, None, None)
    key = _authenticate(event["headers"].get("authorization", ""))
    if rule not in ("any", key.role):
        raise Problem(403, f"this call needs a key of the role {rule}; yours has the role {key.role}")
    if "webhook_id" not in parameters:
        return Caller(route, key, None)
    return Caller(route, key, config_table().webhook(str(key.account_id), parameters["webhook_id"]))


def read_body(event: dict[str, Any]) -> None:
    """Leaves a JSON object in the event's body. Raises Problem: 415 for another content type, 400 for what is not JSON."""
    kind = event["headers"].get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"content-type is {kind[:80]}; only application/json is understood")
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body).decode()
        value = json.loads(body)
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None
    except ValueError as invalid:
        raise Problem(400, f"the body is not JSON: {invalid}") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None
    if not isinstance(value, dict):
        raise Problem(400, "the body must be a JSON object")
    event.update(body=body, isBase64Encoded=False)


@cache
def config_table() -> ConfigTable:
    return ConfigTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def key_table() -> KeyTable:
    return KeyTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


def _route(path: str) -> tuple[str, dict[str, str]]:
    for pattern, route in _PATTERNS:
        if match := pattern.fullmatch(path):
            return route, match.groupdict()
    raise Problem(404, "there is nothing at this path; /openapi.json lists the calls")


def _allowed(methods: dict[str, Rule]) -> list[str]:
    return sorted({*methods, *(["HEAD"] if "GET" in methods else [])})


def _authenticate(authorization: str) -> Key:
    scheme, _, token = authorization.partition(" ")
    key = None
    if scheme.lower() == "bearer" and token:
        key = key_table().authenticate(token.strip(), now())
    if key is None:
        why = "the key is unknown, revoked or expired" if token else "send Authorization: Bearer <key>"
        raise Problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="webhooks"'})
    return key
