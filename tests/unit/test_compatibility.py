"""A breaking change of the API fails `make check` unless the changelog names it; others do not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from local.breaking_changes import breaking_changes
from local.compatibility import RELEASED, is_named, report
from local.emulator import ROOT

CHANGELOG = (
    "# Changelog\n\n## 0.2.0 (unreleased)\n\n- Faster.\n{}\n## 0.1.0\n\n- DELETE /v1/webhooks/{{webhook_id}}: removed\n"
)
GONE = "DELETE /v1/webhooks/{webhook_id}: removed"
Specification = dict[str, Any]


@pytest.fixture
def released() -> Specification:
    return dict(json.loads((ROOT / "docs" / "openapi.json").read_text()))


def schema(of: Specification, name: str) -> Any:
    return of["components"]["schemas"][name]


def changed(released: Specification, change: Callable[[Specification], object]) -> list[str]:
    new = copy.deepcopy(released)
    change(new)
    assert new != released
    return breaking_changes(released, new)


WEBHOOK = "/v1/webhooks/{webhook_id}"
BREAKING: dict[str, Callable[[Specification], object]] = {
    "GET /v1/session: removed": lambda s: s["paths"].pop("/v1/session"),
    GONE: lambda s: s["paths"][WEBHOOK].pop("delete"),
    "https://webhooks.example.com: removed": lambda s: s["servers"][0].update(url="https://api.example.com"),
    f"GET {WEBHOOK}: another security": lambda s: s["paths"][WEBHOOK]["get"].update(security=[{"platformKey": []}]),
    f"GET {WEBHOOK}/deliveries.since: removed": lambda s: (
        parameters := s["paths"][f"{WEBHOOK}/deliveries"]["get"]["parameters"]
    ).remove(next(p for p in parameters if p["name"] == "since")),
    "GET /v1/webhooks.limit: expected in the header": lambda s: next(
        p for p in s["paths"]["/v1/webhooks"]["get"]["parameters"] if p.get("name") == "limit"
    ).update({"in": "header"}),
    "GET /v1/webhooks.limit: default 7": lambda s: next(
        p for p in s["paths"]["/v1/webhooks"]["get"]["parameters"] if p.get("name") == "limit"
    )["schema"].update(default=7),
    "accountKey: another way to send it": lambda s: s["components"]["securitySchemes"].pop("accountKey"),
    "MessageIncomingData sent: other fields refused": lambda s: schema(s, "MessageIncomingData").update(
        additionalProperties=False
    ),
    f"GET {WEBHOOK}/deliveries.since: required": lambda s: next(
        p for p in s["paths"][f"{WEBHOOK}/deliveries"]["get"]["parameters"] if p["name"] == "since"
    ).update(required=True),
    "POST /v1/webhooks.201: removed": lambda s: s["paths"]["/v1/webhooks"]["post"]["responses"].pop("201"),
    "POST /v1/webhooks.201 ETag: removed": lambda s: s["paths"]["/v1/webhooks"]["post"]["responses"]["201"][
        "headers"
    ].pop("ETag"),
    "WebhookRequest sent.name: maxLength 50": lambda s: schema(s, "WebhookRequest")["properties"]["name"].update(
        maxLength=50
    ),
    "WebhookRequest sent.headers: required": lambda s: schema(s, "WebhookRequest")["required"].append("headers"),
    "WebhookRequest sent.url: removed": lambda s: schema(s, "WebhookRequest")["properties"].pop("url"),
    "EventName sent: message.read refused": lambda s: schema(s, "EventName")["enum"].remove("message.read"),
    "Webhook received.name: removed": lambda s: schema(s, "Webhook")["properties"].pop("name"),
    "Webhook received.name: optional": lambda s: schema(s, "Webhook")["required"].remove("name"),
    "Webhook received.name: null possible": lambda s: schema(s, "Webhook")["properties"].update(
        name={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "MessageIncomingData received.from: removed": lambda s: schema(s, "MessageIncomingData")["properties"].pop("from"),
    "POST message.incoming: removed": lambda s: s["webhooks"].pop("message.incoming"),
    "POST message.incoming.webhook-id: removed": lambda s: s["webhooks"]["message.incoming"]["post"][
        "parameters"
    ].remove({"$ref": "#/components/parameters/webhook-id"}),
}

COMPATIBLE: dict[str, Callable[[Specification], object]] = {
    "operation": lambda s: s["paths"].update({"/v1/new": copy.deepcopy(s["paths"]["/v1/session"])}),
    "field of an answer": lambda s: schema(s, "Webhook")["properties"].update(new={"type": "string"}),
    "optional field of a request": lambda s: schema(s, "WebhookRequest")["properties"].update(new={"type": "string"}),
    "optional parameter": lambda s: s["paths"]["/v1/webhooks"]["get"]["parameters"].append(
        {"name": "new", "in": "query", "required": False, "schema": {"type": "string"}}
    ),
    "value": lambda s: schema(s, "EventName")["enum"].append("message.deleted"),
    "kind of a payload": lambda s: schema(s, "Payload")["oneOf"].append({"$ref": "#/components/schemas/Problem"}),
    "longer": lambda s: schema(s, "WebhookRequest")["properties"]["name"].update(maxLength=200),
    "refusal": lambda s: s["paths"]["/v1/webhooks"]["get"]["responses"].update({"451": {"description": "No"}}),
    "no refusal any more": lambda s: s["paths"]["/v1/webhooks"]["post"]["responses"].pop("409"),
    "words": lambda s: schema(s, "Webhook").update(description="Another text."),
}


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_found(released: Specification, change: str) -> None:
    assert change in changed(released, BREAKING[change])


@pytest.mark.parametrize("change", COMPATIBLE)
def test_a_compatible_change_is_none(released: Specification, change: str) -> None:
    assert changed(released, COMPATIBLE[change]) == []


def test_a_breaking_change_has_to_be_named_in_the_newest_section(released: Specification) -> None:
    new = copy.deepcopy(released)
    del new["paths"][WEBHOOK]["delete"]
    text, failed = report(released, new, CHANGELOG.format(""))
    assert failed
    assert GONE in text
    assert report(released, new, CHANGELOG.format(f"- {GONE} and more\n"))[1] == 1, "another change"
    assert report(released, new, CHANGELOG.format("- DELETE /v1/webhooks/{webhook_id}:\n  removed\n"))[1] == 0


def test_what_clients_rely_on_is_compared_from_the_beginning() -> None:
    relied_on = json.loads(RELEASED.read_text())
    new = copy.deepcopy(relied_on)
    del new["paths"]["/v1/events"]["post"]
    assert report(relied_on, new, (ROOT / "CHANGELOG.md").read_text())[1] == 1


def test_another_specification_in_its_place_is_noticed() -> None:
    releases = (ROOT / "docs" / "releases.md").read_text()
    assert is_named(RELEASED.read_bytes(), releases)
    assert not is_named(RELEASED.read_bytes().replace(b'"/v1/events"', b'"/v2/events"', 1), releases)
