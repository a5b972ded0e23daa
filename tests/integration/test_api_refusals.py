"""Every refusal is a problem, tells what is allowed, tells nothing of our insides, and leaves a line in the log."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.api_client import EVENT, Answer, Api
from tests.integration.conftest import Aws
from webhooks.clients import client
from webhooks.event_types import EVENT_TYPES

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}
PUBLISHED = {
    "account_id": "acme",
    "event": "message.incoming",
    "data": dict(EVENT_TYPES["message.incoming"].example),
}


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


def is_problem(answer: Answer) -> bool:
    """RFC 9457, section 3."""
    problem = answer.json
    shape = all(isinstance(problem[name], str) for name in ("type", "title", "detail"))
    return shape and problem["status"] == answer.status and answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("depth", [101, 150, *range(880, 1000, 10), 5_000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_absurd_nesting_is_a_400_at_every_depth(api: Api, depth: int, brackets: str) -> None:
    """Where our own parser still bears it, but Powertools or pydantic would not, too."""
    begin, end = ("[", "]") if brackets == "[]" else ('{"a":', "}")
    nested = begin * (depth - 1) + brackets + end * (depth - 1)
    calls = [
        (api.of_account("acme"), "/v1/webhooks", VALID | {"headers": 0}),
        (api.of_platform(), "/v1/events", PUBLISHED),
    ]
    for caller, path, body in calls:
        text = json.dumps(body)[:-1] + f', "x": {nested}}}'
        answer = caller.call("POST", path, text=text)
        assert answer.status == 400
        assert is_problem(answer)
        assert "nested" in answer.json["detail"]


def test_a_payload_may_be_as_deep_as_payloads_are(api: Api) -> None:
    nested: Any = "end"
    for _ in range(97):
        nested = [nested]
    data = PUBLISHED["data"] | {"nested": nested}  # type: ignore[operator]
    assert api.of_platform().post("/v1/events", PUBLISHED | {"data": data}).status == 202


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON", " application/json "]
)
def test_json_by_any_spelling_is_understood(account: Api, kind: str) -> None:
    assert account.call("POST", "/v1/webhooks", VALID, headers={"content-type": kind}).status == 201


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data; boundary=x"],
)
def test_other_types_are_a_415(account: Api, kind: str) -> None:
    answer = account.call("POST", "/v1/webhooks", VALID, headers={"content-type": kind})
    assert answer.status == 415
    assert is_problem(answer)


@pytest.mark.parametrize(
    ("body", "status"),
    [(json.dumps(VALID).encode(), 201), (b"\xff\xfe", 400), (b"", 400), (b"{", 400), (b"[]", 400)],
)
def test_a_body_in_base64(account: Api, body: bytes, status: int) -> None:
    """As API Gateway hands over what it takes for binary."""
    assert encoded(account, base64.b64encode(body).decode()).status == status


@pytest.mark.parametrize("body", ["!!!", "é", "A"])
def test_a_body_that_is_no_base64(account: Api, body: str) -> None:
    answer = encoded(account, body)
    assert answer.status == 400
    assert is_problem(answer)


def encoded(account: Api, body: str) -> Answer:
    from api.handler import lambda_handler

    event = json.loads(json.dumps(EVENT)) | {"rawPath": "/v1/webhooks", "body": body, "isBase64Encoded": True}
    event["requestContext"]["http"] |= {"method": "POST", "path": "/v1/webhooks"}
    event["headers"]["authorization"] = f"Bearer {account.token}"
    answer = lambda_handler(event, None)
    return Answer(answer["statusCode"], answer["headers"], answer["body"])


def test_an_unknown_field_is_told_the_known_ones(account: Api) -> None:
    answer = account.post("/v1/webhooks", VALID | {"nmae": "x"})
    assert answer.json["errors"] == [
        {"field": "nmae", "detail": "is unknown; allowed are name, url, events, headers"},
    ]


def test_every_bad_field_is_named_at_once_and_no_value_is_repeated(account: Api) -> None:
    bad = {"name": "", "url": 5, "events": ["s3cret"], "headers": {"X-Key": "s3cret\r\n"}}
    answer = account.post("/v1/webhooks", bad)
    assert [error["field"] for error in answer.json["errors"]] == ["name", "url", "events.0", "headers"]
    assert "message.incoming" in answer.json["errors"][2]["detail"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    "path", ["/openapi-json", "/openapiXjson", "/docs/", "/v1/webhooks/a.b", "/v1/webhooks/" + "x" * 65]
)
def test_a_path_that_only_resembles_one_is_a_404(account: Api, path: str) -> None:
    answer = account.get(path)
    assert answer.status == 404
    assert is_problem(answer)


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("", "/v1/webhooks", 401),
        ("own", "/v1/webhooks/wh_0", 404),
        ("own", "/nowhere", 404),
        ("own", "/v1/events", 405),
    ],
)
def test_head_has_no_body_even_when_refused(account: Api, token: str, path: str, status: int) -> None:
    answer = (account if token else Api()).call("HEAD", path)
    assert (answer.status, answer.text) == (status, "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
bodies = st.dictionaries(
    st.sampled_from(["name", "url", "events", "headers", "enabled", "account_id", "event", "data", "id", "timestamp"])
    | st.text(max_size=8),
    json_values | st.sampled_from(list(VALID.values())) | st.just(PUBLISHED["data"]),
    max_size=6,
)  # fmt: skip


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=bodies)
@example({"\ud800": "x"})
@example({"headers": {"\ud800": "\ud800"}})
@example({"url": "https://\ud800/"})
@example({"url": "https://[::1"})
@example({"name": "\ud800"})
def test_no_body_is_our_fault(aws: Aws, account: Api, body: dict[str, Any]) -> None:
    platform = account.of_platform()
    mine = account.post("/v1/webhooks", VALID).json["id"]
    calls = [
        (account, "POST", "/v1/webhooks"),
        (account, "PATCH", f"/v1/webhooks/{mine}"),
        (platform, "POST", "/v1/events"),
        (platform, "POST", "/v1/api-keys"),
    ]
    for caller, method, path in calls:
        answer = caller.call(method, path, body)
        assert answer.status < 300 or (answer.status in (409, 413, 422) and is_problem(answer)), answer


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    class Lines(list[dict[str, Any]]):
        def last(self) -> dict[str, Any]:
            return [vars(record) for record in caplog.records if record.getMessage() == "call.answered"][-1]

    caplog.set_level(logging.INFO)
    return Lines()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "route"),
    [
        ("POST", "/v1/webhooks", VALID, 201, "/v1/webhooks"),
        ("HEAD", "/v1/webhooks", None, 200, "/v1/webhooks"),
        ("POST", "/v1/webhooks", {}, 422, "/v1/webhooks"),
        ("POST", "/v1/webhooks", VALID | {"url": "https://10.0.0.1/"}, 422, "/v1/webhooks"),
        ("POST", "/v1/webhooks", "text", 400, "/v1/webhooks"),
        ("POST", "/v1/events", {}, 403, "/v1/events"),
        ("GET", "/v1/webhooks/wh_0", None, 404, "/v1/webhooks/<webhook_id>"),
    ],
)
def test_each_call_leaves_one_line_that_says_whose_it_was(
    account: Api, lines: Any, method: str, path: str, body: Any, status: int, route: str
) -> None:
    account.call(method, path, body)
    line = lines.last()
    assert (line["method"], line["route"], line["status"], line["account_id"]) == (method, route, status, "acme")
    assert line["key_id"] == str(account.token).split(".")[0]
    assert line["duration_ms"] >= 0


def test_who_is_not_known_is_not_named(api: Api, lines: Any) -> None:
    Api("key_0.s3cret").get("/v1/webhooks")
    line = lines.last()
    assert (line["route"], line["status"]) == ("/v1/webhooks", 401)
    assert "account_id" not in line
    api.get("/nowhere")
    assert "route" not in lines.last()


def test_a_key_is_revoked_and_unlisted_together_or_not_at_all(api: Api) -> None:
    """A fault at the last write that revoking makes leaves the key as it was, to be revoked again."""
    platform = api.of_platform()
    minted = platform.post("/v1/api-keys", {"account_id": "acme"}).json
    writes: list[str] = []
    faults = {"TransactWriteItems#1", "DeleteItem#2"}

    def fault(model: Any, **_: Any) -> Any:
        writes.append(model.name)
        answer = {"Error": {"Code": "ValidationException", "Message": "fault"}, "ResponseMetadata": {}}
        meant = f"{model.name}#{writes.count(model.name)}" in faults
        return (AWSResponse("", 400, HTTPHeaders(), None), answer) if meant else None

    for operation in ("DeleteItem", "TransactWriteItems"):
        client("dynamodb").meta.events.register(f"before-call.dynamodb.{operation}", fault)
    path = f"/v1/api-keys/{minted['id']}"
    assert platform.call("DELETE", path).status == 500
    assert [key["id"] for key in platform.get("/v1/api-keys", account_id="acme").json["data"]] == [minted["id"]]
    assert Api(minted["key"]).get("/v1/webhooks").status == 200
    assert platform.call("DELETE", path).status == 204
    assert platform.get("/v1/api-keys", account_id="acme").json["data"] == []
    assert Api(minted["key"]).get("/v1/webhooks").status == 401
