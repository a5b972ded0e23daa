"""The specification says what the code does, for people and for generated clients."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from local.emulator import ROOT
from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from tests.integration.resources import PUBLIC_URL
from webhooks.event_types import EVENT_TYPES


@pytest.fixture(scope="module")
def specification() -> dict[str, Any]:
    """The snapshot. Generating it anew takes as long as most tests; one says that it is what the API serves."""
    found: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
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
    from api.handler import ROUTES

    described = {(method, re.sub(r"{(\w+)}", r"<\1>", path)) for method, path, _ in operations(specification)}
    assert described == {(route.method, route.path) for route in ROUTES if route.role != "open"}


def test_what_is_too_short_is_empty() -> None:
    """As `api.validation` words it."""
    text = (ROOT / "docs" / "openapi.json").read_text()
    assert set(re.findall(r'"min(?:Length|Items)": (\d+)', text)) == {"1"}


def test_every_call_can_be_generated_and_understood(specification: dict[str, Any]) -> None:
    ids = [operation["operationId"] for *_, operation in operations(specification)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+[A-Z][A-Za-z]+", id) for id in ids)
    for method, path, operation in operations(specification):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
    schemes = specification["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "accountKey": ("http", "bearer"),
        "platformKey": ("http", "bearer"),
    }


def test_it_says_which_key_a_call_needs(api: Api, specification: dict[str, Any]) -> None:
    """And the other key is refused."""
    keys = {"accountKey": api.of_account("acme"), "platformKey": api.of_platform()}
    for method, path, operation in operations(specification):
        wanted = {name for scheme in operation["security"] for name in scheme}
        assert wanted <= keys.keys(), (method, path)
        for name, caller in keys.items():
            answer = caller.call(method, re.sub(r"{\w+}", "wh_1", path))
            assert (answer.status == 403) == (name not in wanted), (method, path, name)


def test_names_are_for_clients_and_no_enumeration_is_there_twice(specification: dict[str, Any]) -> None:
    schemas = specification["components"]["schemas"]
    assert [name for name in schemas if re.search(r"[a-z](In|Out)$", name)] == []
    assert {"Webhook", "WebhookRequest", "Delivery", "Problem", "EventName", "WebhookStatus"} <= schemas.keys()
    assert all(schema["title"] == name for name, schema in schemas.items())
    found = [tuple(listed) for listed in enumerations(specification)]
    assert len(set(found)) == len(found)


def enumerations(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        yield from ([value["enum"]] if isinstance(value.get("enum"), list) else [])
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from enumerations(inner)


def test_every_reference_leads_somewhere_and_nothing_is_left_over(specification: dict[str, Any]) -> None:
    components = specification["components"]
    named = {f"#/components/{kind}/{name}" for kind in ("schemas", "parameters") for name in components[kind]}
    assert set(references(specification)) == named


def test_every_refusal_is_a_problem_and_every_possible_one_is_there(specification: dict[str, Any]) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for method, path, operation in operations(specification):
        refusals = {status: response for status, response in operation["responses"].items() if status >= "400"}
        for status, response in refusals.items():
            assert response["content"] == {"application/problem+json": problem}, (method, path, status)
        asks_role = path not in ("/v1/event-types", "/v1/events/{event_id}", "/v1/session")
        takes_body = "requestBody" in operation
        assert takes_body or method in ("GET", "DELETE") or path.endswith("/retry")
        takes_query = any(parameter["in"] == "query" for parameter in operation.get("parameters", []))
        expected = {"401", "500"} | ({"403"} if asks_role else set()) | ({"404"} if "{" in path else set())
        expected |= {"400", "413", "415", "422"} if takes_body else set()
        expected |= {"400", "422"} if takes_query else set()
        if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", [])):
            expected |= {"400", "412"}
        assert expected <= refusals.keys(), (method, path)
        assert ("422" in refusals) == (takes_body or takes_query), (method, path)


def test_a_patch_has_no_defaults(specification: dict[str, Any]) -> None:
    """It changes only what is given."""
    ((_, _, operation),) = [one for one in operations(specification) if one[0].lower() == "patch"]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert not re.search("default|not given", json.dumps(specification["components"]["schemas"][name]))


def test_a_header_that_is_promised_is_always_there(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        for status, response in operation["responses"].items():
            assert all(header["required"] for header in response.get("headers", {}).values()), (method, path, status)


def test_what_can_only_be_left_out_is_never_null_and_ids_have_their_pattern(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            assert "$ref" in schema or isinstance(schema["type"], str), (method, path, parameter["name"])
            assert parameter["in"] != "path" or parameter["schema"]["pattern"] == "^[A-Za-z0-9_-]{1,64}$"


def test_a_204_has_no_body_and_what_has_defaults_alone_needs_none(specification: dict[str, Any]) -> None:
    for method, path, operation in operations(specification):
        assert "content" not in operation["responses"].get("204", {}), (method, path)
        if "requestBody" in operation:
            optional = path.endswith(("/rotate", "/test-addresses"))
            assert operation["requestBody"]["required"] == (not optional), (method, path)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["Orders", " Orders\t", "Ж", "👩\u200d🚀", "x" * 100],
                 ["", "  ", "\u200b", "a\nb", "\u2028", "x" * 101, " " + "x" * 100]),
        ("url", ["https://localhost/a?b", "HTTPS://LOCALHOST:1"], ["http://example.com", "https://local host", "https://localhost#x"]),
        ("events", [["message.read"]], [[], ["message.read", "message.read"], ["message"]]),
        ("headers", [{"X-Key": "a b"}], [{"X Key": "a"}, {"X-Key": ""}, {"X-Key": " a"}, {"X-Key": "é"}, {"x" * 65: "a"}]),
    ],
)  # fmt: skip
def test_the_schema_of_a_field_refuses_what_the_api_refuses(
    api: Api, specification: dict[str, Any], field: str, good: list[Any], bad: list[Any]
) -> None:
    schema = Draft202012Validator({"$ref": "#/components/schemas/WebhookRequest", **specification})
    account = api.of_account("acme")
    for value, accepted in [*((value, True) for value in good), *((value, False) for value in bad)]:
        body = {"name": "Orders", "url": "https://localhost/hook", "events": ["message.read"]} | {field: value}
        assert schema.is_valid(body) == accepted, value
        assert (account.post("/v1/webhooks", body).status == 201) == accepted, value


def test_what_is_sent_is_shown_by_example(specification: dict[str, Any]) -> None:
    schemas = specification["components"]["schemas"]
    for name in ("WebhookRequest", "MessageIncomingEventRequest", "KeyRequest"):
        for field in schemas[name]["required"]:
            schema = schemas[name]["properties"][field]
            assert schema.get("examples") or schema.keys() & {"$ref", "const"}, (name, field)


def test_the_examples_are_accepted(api: Api, specification: dict[str, Any]) -> None:
    schemas = specification["components"]["schemas"]

    def sample(name: str) -> dict[str, Any]:
        fields = schemas[name]["properties"].items()
        enums = {f"#/components/schemas/{name}": schema.get("enum") for name, schema in schemas.items()}
        return {field: (schema.get("examples") or enums[schema["$ref"]])[0] for field, schema in fields}

    assert api.of_account("acme").post("/v1/webhooks", sample("WebhookRequest")).status == 201
    for reference in references(schemas["EventRequest"]["oneOf"]):
        (event,) = schemas[reference.rpartition("/")[2]]["examples"]
        assert api.of_platform().post("/v1/events", event).status == 202
    assert api.of_platform().post("/v1/api-keys", sample("KeyRequest")).status == 201


def test_the_example_of_publishing_is_another_event_each_time(api: Api, specification: dict[str, Any]) -> None:
    (event,) = specification["components"]["schemas"]["EventRequest"]["examples"]
    answers = [api.of_platform().post("/v1/events", event) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].json["id"] != answers[1].json["id"]


MESSAGE = {"message_id": "wamid.x", "whatsapp_account_id": "uuid"}
LONG = "x" * 257


@pytest.mark.parametrize(
    ("event", "data", "accepted"),
    [
        ("message.read", MESSAGE, True),
        ("message.read", MESSAGE | {"more": [None, {"x": 1.5}]}, True),
        ("message.read", {"message_id": "wamid.x"}, False),
        ("message.read", MESSAGE | {"message_id": 5}, False),
        ("message.read", MESSAGE | {"message_id": ""}, False),
        ("message.read", MESSAGE | {"message_id": LONG}, False),
        ("message.read", {"contact_id": "uuid"}, False),
        ("message.read", [], False),
        ("message.lost", MESSAGE, False),
        ("contact.created", {"contact_id": "uuid"}, True),
        ("contact.created", MESSAGE, False),
        ("campaign.completed", {"campaign_id": "uuid", "sent": "many"}, True),
        ("campaign.completed", {}, False),
        ("transfer.created", {"transfer_id": "uuid"}, True),
        ("transfer.created", {"transfer_id": None}, False),
    ],
)
def test_what_the_schema_of_publishing_allows_is_accepted_and_nothing_else(
    api: Api, specification: dict[str, Any], event: str, data: Any, accepted: bool
) -> None:
    schema = Draft202012Validator({"$ref": "#/components/schemas/EventRequest", **specification})
    body = {"account_id": "acme", "event": event, "data": data}
    assert schema.is_valid(body) == accepted
    assert (api.of_platform().post("/v1/events", body).status == 202) == accepted
    batch = Draft202012Validator({"$ref": "#/components/schemas/EventBatchRequest", **specification})
    assert batch.is_valid({"events": [body]}) == accepted


@pytest.mark.long
def test_what_is_sent_is_as_the_specification_says(
    api: Api, specification: dict[str, Any], aws: Aws, receiver: Receiver
) -> None:
    """Every type's example as a test event, with two signatures, as after a rotation."""
    assert specification["webhooks"].keys() == EVENT_TYPES.keys()
    account, pipeline = api.of_account("acme"), Pipeline(aws)
    pipeline.webhook(receiver.url("/hook"))
    assert account.post("/v1/webhooks/wh_1/secret/rotate", {}).status == 200
    headers = specification["components"]["parameters"].values()
    for name, path in specification["webhooks"].items():
        assert account.post("/v1/webhooks/wh_1/test", {"event": name}).status == 202
        pipeline.deliver()
        posted = receiver.received("/hook")[-1]
        (content,) = path["post"]["requestBody"]["content"].values()
        payload = json.loads(posted.body)
        assert Draft202012Validator({**content["schema"], **specification}).is_valid(payload)
        assert payload == content["example"] | {"timestamp": payload["timestamp"]}
        for header in headers:
            assert Draft202012Validator(header["schema"]).is_valid(posted.headers[header["name"].lower()]), header
        assert len(posted.headers["webhook-signature"].split(" ")) == 2
    for path in specification["webhooks"].values():
        assert {f"#/components/parameters/{header['name']}" for header in headers} == {
            parameter["$ref"] for parameter in path["post"]["parameters"]
        }


def test_the_catalogue_is_open_to_all_and_names_every_event_field_and_header(
    api: Api, specification: dict[str, Any]
) -> None:
    page = api.get("/event-types")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<script" not in page.text
    for event_type in api.of_platform().get("/v1/event-types").json["data"]:
        section = page.text.split(f'<section id="{event_type["name"]}">')[1].split("</section>")[0]
        assert html.escape(json.dumps(event_type["example"], indent=2)) in section
        fields = event_type["schema"]["properties"]
        assert re.findall(r"<th scope=row><code>(\w+)</code></th><td>(yes|no)", section) == [
            (field, "yes" if field in event_type["schema"]["required"] else "no") for field in fields
        ]
    for header in specification["components"]["parameters"]:
        assert f"<code>{header}</code>" in page.text
    known = api.call("GET", "/event-types", headers={"if-none-match": page.headers["ETag"]})
    assert (known.status, known.text) == (304, "")


def test_the_program_for_developers_asks_the_deployment_that_served_it(api: Api, tmp_path: Path) -> None:
    answer = api.get("/aisoule_webhooks.py")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/x-python; charset=utf-8")
    (tmp_path / "aisoule_webhooks.py").write_text(answer.text, encoding="utf-8")
    command = [sys.executable, "-m", "aisoule_webhooks", "listen", "--forward", "http://localhost:1/"]
    variables = {"AISOULE_KEY": "key_0.x", "https_proxy": "http://localhost:1"}
    ended = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert ended.stderr.startswith(f"{PUBLIC_URL} cannot be reached: ")
    known = api.call("GET", "/aisoule_webhooks.py", headers={"if-none-match": answer.headers["ETag"]})
    assert (known.status, known.text) == (304, "")


def test_the_snapshot_in_the_repository_is_current(api: Api, specification: dict[str, Any]) -> None:
    """Whoever changes the API sees in the snapshot's difference what clients will see. `make openapi` writes it."""
    assert api.get("/openapi.json").json == specification


def test_the_explorer_is_one_page_that_may_ask_nobody(api: Api) -> None:
    page = api.get("/docs")
    assert page.headers["Content-Type"] == "text/html"
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", page.text[:2000] + page.text[-2000:])
    policy = dict(rule.strip().split(" ", 1) for rule in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "connect-src" not in policy
    assert policy["sandbox"] == "allow-scripts allow-popups"
    assert not any("http" in sources or "*" in sources for sources in policy.values())
    assert '"operationId": "createWebhook"' in page.text or '"operationId":"createWebhook"' in page.text


def test_the_explorers_link_to_the_specification(api: Api) -> None:
    assert api.get("/docs", format="json").json == api.get("/openapi.json").json
