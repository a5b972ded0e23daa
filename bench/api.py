"""CPU of the API's handler for the calls that are made most: create, list, read, publish."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import boto3

from api.handler import lambda_handler
from bench import cloud
from bench.fanout import BATCH, DETAIL
from bench.measure import Prepare, interleaved, medians, write
from local.emulator import ROOT
from webhooks.key_table import KeyTable
from webhooks.models import new_id

_EVENT = (ROOT / "tests" / "events" / "http_api.json").read_text()
_WEBHOOKS = 20


def call(token: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """As API Gateway hands it over."""
    event: dict[str, Any] = json.loads(_EVENT) | {"rawPath": path, "queryStringParameters": {}}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event["headers"]["authorization"] = f"Bearer {token}"
    event["body"] = None if body is None else json.dumps(body)
    return event


def figures(runs: int) -> dict[str, Any]:
    keys = KeyTable(boto3.client("dynamodb"), os.environ["CONFIG_TABLE"])
    account_id = new_id("acct")
    token, platform = keys.mint("account", account_id)[1], keys.mint("platform")[1]
    webhooks = [cloud.webhook("https://example.com/hook", account_id) for _ in range(_WEBHOOKS)]
    cloud.put_webhooks(webhooks)
    path = f"/v1/webhooks/{webhooks[0].id}"
    published = {"account_id": account_id, "event": "message.incoming", "data": DETAIL}
    found = interleaved(
        {
            "create a webhook": _creating(keys),
            f"list {_WEBHOOKS} webhooks": _answers(200, lambda: call(token, "GET", "/v1/webhooks")),
            "read a webhook": _answers(200, lambda: call(token, "GET", path)),
            "list its deliveries": _answers(200, lambda: call(token, "GET", f"{path}/deliveries")),
            "publish an event": _answers(202, lambda: call(platform, "POST", "/v1/events", published)),
            "publish a batch of 100": _answers(
                202, lambda: call(platform, "POST", "/v1/events/batch", {"events": [published] * BATCH})
            ),
        },
        runs=runs,
    )
    return {"cpu_ms": medians(found)}


def _creating(keys: KeyTable) -> Prepare:
    """An account of its own each time: one holds 100 webhooks at most. The address needs no look-up."""
    body = {"name": "Order updates", "url": "https://93.184.215.14/hook", "events": ["message.incoming"]}

    def event() -> dict[str, Any]:
        return call(keys.mint("account", new_id("acct"))[1], "POST", "/v1/webhooks", body)

    return _answers(201, event)


def _answers(status: int, event: Callable[[], dict[str, Any]]) -> Prepare:
    def prepare() -> Callable[[], object]:
        made = event()

        def run() -> None:
            answer = lambda_handler(made, None)
            assert answer["statusCode"] == status, answer

        return run

    return prepare


if __name__ == "__main__":
    output, _, runs = sys.argv[1:]
    write(output, figures(int(runs)))
