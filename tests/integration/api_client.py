"""Calls the API's handler with events as API Gateway sends them (HTTP API, payload version 2.0)."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

EVENT = json.loads((Path(__file__).parent.parent / "events" / "http_api.json").read_text())


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Api:
    """`token` None sends no Authorization header."""

    token: str | None = None

    def of_account(self, account_id: str) -> Api:
        from webhooks.key_table import key_table

        return Api(key_table().mint("account", account_id)[1])

    def of_platform(self) -> Api:
        from webhooks.key_table import key_table

        return Api(key_table().mint("platform")[1])

    def get(self, path: str, **query: str) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any) -> Answer:
        return self.call("POST", path, body)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        text: str | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        from api.handler import lambda_handler

        event = json.loads(json.dumps(EVENT)) | {"rawPath": path, "rawQueryString": urlencode(query or {})}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["queryStringParameters"] = dict(query or {})
        event["headers"] |= dict(headers or {})
        if self.token is not None:
            event["headers"]["authorization"] = f"Bearer {self.token}"
        event["body"] = text if text is not None else (None if body is None else json.dumps(body))
        answer = lambda_handler(event, None)
        return Answer(answer["statusCode"], answer["headers"], _text(answer))


def _text(answer: dict[str, Any]) -> str:
    if not answer.get("isBase64Encoded"):
        return answer.get("body") or ""
    content = base64.b64decode(answer["body"])
    return (gzip.decompress(content) if answer["headers"].get("Content-Encoding") == "gzip" else content).decode()
