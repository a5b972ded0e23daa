"""How the calls are described in /openapi.json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.problems import CONTENT_TYPE
from api.schemas import ProblemOut

TITLE = "AIsoule Webhooks"
VERSION = "1"
DESCRIPTION = """Signed POSTs to your own server when something happens in AIsoule.

Authenticate with `Authorization: Bearer <key>`. Refusals are `application/problem+json` (RFC 9457) and name the field."""


def described(operation_id: str, summary: str, success: int, *refusals: int) -> dict[str, Any]:
    """Arguments of a route's decorator. The schema of the success is the annotated return type's."""
    responses: dict[int, Any] = {success: {"description": HTTPStatus(success).phrase}}
    for status in (*refusals, 500):
        responses[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {CONTENT_TYPE: {"model": ProblemOut}},
        }
    return {
        "operation_id": operation_id,
        "summary": summary,
        "responses": responses,
        "tags": [_tag(operation_id)],
        "security": [{"bearer": []}],
    }


def _tag(operation_id: str) -> str:
    for word, tag in (("Deliver", "Deliveries"), ("Event", "Events"), ("Key", "API keys")):
        if word in operation_id:
            return tag
    return "Webhooks"
