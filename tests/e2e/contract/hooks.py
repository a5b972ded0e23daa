"""
Loaded by schemathesis, called before each request.

Every URL that the API could take becomes the receiver's: nothing is ever POSTed to another machine. What should be
accepted is made right where the API asks for more than a schema can say.
"""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from webhooks.errors import WebhooksError
from webhooks.urls import normalise_url

RECEIVER = os.environ["CONTRACT_RECEIVER_URL"]
ACCOUNT = os.environ["CONTRACT_ACCOUNT"]
CURSORS = json.loads(os.environ["CONTRACT_CURSORS"])
IDS = json.loads(os.environ["CONTRACT_IDS"])
SPARE = {"PATCH": itertools.cycle(IDS["edited"]), "DELETE": itertools.cycle(IDS["deleted"])}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    body = case.body if isinstance(case.body, dict) else {}
    if _could_be_taken(body.get("url")):
        body["url"] = RECEIVER
    # What the other calls need is neither disabled nor deleted nor erased on the way.
    method = case.operation.method.upper()
    if method in SPARE and (case.path_parameters or {}).get("webhook_id") in IDS["webhooks"]:
        case.path_parameters["webhook_id"] = next(SPARE[method])
    if case.operation.path.startswith("/v1/accounts/") and (case.path_parameters or {}).get("account_id") == ACCOUNT:
        case.path_parameters["account_id"] = IDS["erased"][0]
    if case.meta and case.meta.generation.mode.is_positive:
        _make_right(case, body)


def _make_right(case: Any, body: dict[str, Any]) -> None:
    # schemathesis 4.32.5 calls a case right whose optional header it has made wrong, when the header has a pattern.
    header = case.meta.components.get(ParameterLocation.HEADER)
    if header and header.mode.is_negative:
        case.headers.pop("if-match", None)
    # Only what was sent can be sent again.
    if case.operation.path.endswith("/retry"):
        case.path_parameters |= {"webhook_id": IDS["webhooks"][0], "event_id": IDS["events"][0]}
    # Only a test address has received something.
    if case.operation.path.endswith("/requests"):
        case.path_parameters["webhook_id"] = IDS["address"][0]
    # A cursor is one that the API gave out.
    for given in (case.query or {}, body):
        if given.get("cursor") is not None:
            given["cursor"] = CURSORS[case.operation.path]
    # A platform key says whose event it asks for.
    if case.operation.path == "/v1/events/{event_id}":
        case.query = {"account_id": ACCOUNT} | (case.query or {})
    # Which hosts are public is decided by more than a pattern.
    if "url" in body:
        body["url"] = RECEIVER
    # Names differ in more than case, and some are our own.
    if "headers" in body:
        values = {name.lower().replace("_", "-"): value for name, value in body["headers"].items()}
        body["headers"] = {f"X-{name[:62]}": value for name, value in values.items()}
    # Removing is always possible; a webhook may have ten already.
    if "header_changes" in body:
        body["header_changes"] = dict.fromkeys(f"X-{name[:62]}" for name in body["header_changes"])
    # Not in the future.
    if str(body.get("since", ""))[:4] >= str(datetime.now(UTC).year):
        body["since"] = "2026-01-01T00:00:00Z"


def _could_be_taken(url: Any) -> bool:
    try:
        normalise_url(url, allow_loopback=True)
    except (WebhooksError, TypeError):
        return False
    return True
