"""Who may make which call, decided before anything of the request's body is looked at: 404 and 405, 401, 403, 404."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
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
    f"{_WEBHOOK}/secret/rotate": {"POST": "account"},
    f"{_WEBHOOK}/test": {"POST": "account"},
    f"{_WEBHOOK}/recover": {"POST": "account"},
    f"{_WEBHOOK}/deliveries": {"GET": "account"},
    f"{_WEBHOOK}/deliveries/<event_id>": {"GET": "account"},
    f"{_WEBHOOK}/deliveries/<event_id>/retry": {"POST": "account"},
    "/v1/event-types": {"GET": "any"},
    "/v1/events": {"POST": "platform"},
    "/v1/api-keys": {"GET": "platform", "POST": "platform"},
    "/v1/api-keys/<key_id>": {"DELETE": "platform"},
    "/v1/portal-sessions": {"POST": "platform"},
    "/openapi.json": {"GET": "open"},
    "/docs": {"GET": "open"},
    "/settings/webhooks": {"GET": "open"},
}
_PATTERNS = [
    (re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[A-Za-z0-9_-]{1,64})", path.replace(".", r"\."))), path) for path in RULES
]
WITHOUT_BODY = f"{_WEBHOOK}/deliveries/<event_id>/retry"
MAY_BE_EMPTY = "/secret/rotate"
"""The end of the path whose body can be left out."""
MAX_DEPTH = 100
"""Levels of a body: far more than any payload has, far fewer than Python's or pydantic's recursion bears."""


@dataclass(frozen=True, slots=True)
class Call:
    """Which route is called, who may call it, and the ids in its path."""

    route: str
    rule: Rule
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Caller:
    """An admitted call: the key that opened it, the webhook in its path if there is one."""

    key: Key | None
    webhook: Webhook | None


def recognise(method: str, path: str) -> Call:
    """Raises Problem: 404 no such route, 405."""
    matches = ((route, pattern.fullmatch(path)) for pattern, route in _PATTERNS)
    route, match = next(((route, match) for route, match in matches if match), (None, None))
    if route is None or match is None:
        raise Problem(404, "there is nothing at this path; /openapi.json lists the calls")
    methods = RULES[route]
    if method not in methods:
        raise Problem(405, f"{method} is not allowed here", headers={"Allow": ", ".join(_allowed(methods))})
    return Call(route, methods[method], match.groupdict())


def authenticate(authorization: str) -> Key:
    """Who are you? Raises Problem 401."""
    scheme, _, token = authorization.partition(" ")
    key = None
    if scheme.lower() == "bearer" and token:
        key = key_table().authenticate(token.strip(), now())
    if key is None:
        why = "the key is unknown, revoked or expired" if token else "send Authorization: Bearer <key>"
        raise Problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="webhooks"'})
    return key


def admit(call: Call, key: Key) -> Caller:
    """May you, and is it yours? Raises Problem 403, NotFound."""
    if call.rule not in ("any", key.role):
        raise Problem(403, f"this call needs a key of the role {call.rule}; yours has the role {key.role}")
    if "webhook_id" not in call.ids:
        return Caller(key, None)
    return Caller(key, config_table().webhook(str(key.account_id), call.ids["webhook_id"]))


def read_body(event: dict[str, Any]) -> None:
    """Leaves a JSON object in the event's body. Raises Problem: 415 for another content type, 400 for what is not JSON."""
    kind = event["headers"].get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"content-type is {kind[:80]!r}; only application/json is understood")
    body = event.get("body") or ("{}" if event["rawPath"].endswith(MAY_BE_EMPTY) else "")
    try:
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body).decode()
        value = json.loads(body)
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None
    except ValueError as invalid:
        raise Problem(400, f"the body is not JSON: {invalid}") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise Problem(400, "the body must be a JSON object")
    if _deeper_than(MAX_DEPTH, value):
        raise _too_deep()
    event.update(body=body, isBase64Encoded=False)
    event["headers"]["content-type"] = kind  # Powertools knows it in lower case only


@cache
def config_table() -> ConfigTable:
    return ConfigTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def key_table() -> KeyTable:
    return KeyTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


def _allowed(methods: dict[str, Rule]) -> list[str]:
    return sorted({*methods, *(["HEAD"] if "GET" in methods else [])})


def _too_deep() -> Problem:
    return Problem(400, f"the body is nested too deeply; at most {MAX_DEPTH} levels are allowed")


def _deeper_than(most: int, value: Any) -> bool:
    """Level by level: how much of Python's recursion is left differs between versions and callers."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
