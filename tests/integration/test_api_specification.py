"""The specification says what the code does, for people and for generated clients."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from local.emulator import ROOT
from tests.integration.api_client import Api


@pytest.fixture
def specification(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json
    return found


def operations(specification: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_names_every_call_there_is_and_no_other(specification: dict[str, Any]) -> None:
    from api.access import RULES

    described = {(method, re.sub(r"{(\w+)}", r"<\1>", path)) for method, path, _ in operations(specification)}
    ruled = {(m, path) for path, methods in RULES.items() for m, rule in methods.items() if rule != "open"}
    assert described == ruled


def test_every_call_can_be_generated_and_understood(specification: dict[str, Any]) -> None:
    ids = [operation["operationId"] for *_, operation in operations(specification)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+[A-Z][A-Za-z]+", id) for id in ids)
    for method, path, operation in operations(specification):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert operation["security"] == [{"bearer": []}], (method, path)
    assert specification["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}


def test_every_reference_leads_somewhere_and_nothing_is_left_over(specification: dict[str, Any]) -> None:
    named = {f"#/components/schemas/{name}" for name in specification["components"]["schemas"]}
    assert set(references(specification)) == named


def test_every_refusal_is_a_problem_and_every_possible_one_is_there(specification: dict[str, Any]) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
    for method, path, operation in operations(specification):
        refusals = {status: response for status, response in operation["responses"].items() if status >= "400"}
        for status, response in refusals.items():
            assert response["content"] == {"application/problem+json": problem}, (method, path, status)
        asks_role = path != "/v1/event-types"
        takes_body = "requestBody" in operation
        assert takes_body or method in ("GET", "DELETE") or path.endswith("/retry")
        takes_query = any(parameter["in"] == "query" for parameter in operation.get("parameters", []))
        expected = {"401", "500"} | ({"403"} if asks_role else set()) | ({"404"} if "{" in path else set())
        expected |= {"400", "415", "422"} if takes_body else set()
        expected |= {"400", "422"} if takes_query else set()
        if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", [])):
            expected |= {"400", "412"}
        assert expected <= refusals.keys(), (method, path)
        assert ("422" in refusals) == (takes_body or takes_query), (method, path)


def test_a_header_that_is_promised_is_always_there(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        for status, response in operation["responses"].items():
            assert all(header["required"] for header in response.get("headers", {}).values()), (method, path, status)


def test_what_can_only_be_left_out_is_never_null_and_ids_have_their_pattern(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        for parameter in operation.get("parameters", []):
            assert isinstance(parameter["schema"]["type"], str), (method, path, parameter["name"])
            assert parameter["in"] != "path" or parameter["schema"]["pattern"] == "^[A-Za-z0-9_-]{1,64}$"


def test_a_204_has_no_body_and_only_a_rotation_needs_none(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        assert "content" not in operation["responses"].get("204", {}), (method, path)
        if "requestBody" in operation:
            assert operation["requestBody"]["required"] == (not path.endswith("/rotate")), (method, path)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["Orders", " Orders\t", "Ж", "x" * 100], ["", "  ", "a\nb", "\u2028", "x" * 101, " " + "x" * 100]),
        ("url", ["https://localhost/a?b", "HTTPS://LOCALHOST:1"], ["http://example.com", "https://local host", "https://localhost#x"]),
        ("events", [["message.read"]], [[], ["message.read", "message.read"], ["message"]]),
        ("headers", [{"X-Key": "a b"}], [{"X Key": "a"}, {"X-Key": ""}, {"X-Key": " a"}, {"X-Key": "é"}, {"x" * 65: "a"}]),
    ],
)  # fmt: skip
def test_the_schema_of_a_field_refuses_what_the_api_refuses(
    api: Api, specification: dict[str, Any], field: str, good: list[Any], bad: list[Any]
) -> None:
    schema = Draft202012Validator(specification["components"]["schemas"]["WebhookIn"])
    account = api.of_account("acme")
    for value, accepted in [*((value, True) for value in good), *((value, False) for value in bad)]:
        body = {"name": "Orders", "url": "https://localhost/hook", "events": ["message.read"]} | {field: value}
        assert schema.is_valid(body) == accepted, value
        assert (account.post("/v1/webhooks", body).status == 201) == accepted, value


def test_what_is_sent_is_shown_by_example(specification: dict[str, Any]) -> None:
    schemas = specification["components"]["schemas"]
    for name in ("WebhookIn", "EventIn", "KeyIn"):
        for field in schemas[name]["required"]:
            schema = schemas[name]["properties"][field]
            assert schema.get("examples") or schema.get("enum"), (name, field)


def test_the_examples_are_accepted(api: Api, specification: dict[str, Any]) -> None:
    schemas = specification["components"]["schemas"]

    def sample(name: str) -> dict[str, Any]:
        fields = schemas[name]["properties"].items()
        return {field: (schema.get("examples") or schema["enum"])[0] for field, schema in fields}

    assert api.of_account("acme").post("/v1/webhooks", sample("WebhookIn")).status == 201
    assert api.of_platform().post("/v1/events", sample("EventIn")).status == 202
    assert api.of_platform().post("/v1/api-keys", sample("KeyIn")).status == 201


def test_the_snapshot_in_the_repository_is_current(specification: dict[str, Any]) -> None:
    """Whoever changes the API sees in the snapshot's difference what clients will see. `make openapi` writes it."""
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == specification


def test_the_explorer_is_one_page_that_may_ask_nobody_else(api: Api) -> None:
    page = api.get("/docs")
    assert page.headers["Content-Type"] == "text/html"
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", page.text[:2000] + page.text[-2000:])
    policy = dict(rule.strip().split(" ", 1) for rule in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert not any("http" in sources or "*" in sources for sources in policy.values())
    assert '"operationId": "createWebhook"' in page.text or '"operationId":"createWebhook"' in page.text


def test_the_explorers_link_to_the_specification(api: Api) -> None:
    assert api.get("/docs", format="json").json == api.get("/openapi.json").json
