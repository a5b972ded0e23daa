"""Every refusal is a problem, tells what is allowed, tells nothing of our insides, and leaves a line in the log."""

from __future__ import annotations

import base64
import json
import logging
import time
import timeit
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.api_client import EVENT, Answer, Api
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


@pytest.fixture
def platform(api: Api) -> Api:
    return api.of_platform()


@pytest.fixture
def webhook(account: Api) -> str:
    """Its path."""
    return account.post("/v1/webhooks", VALID).headers["Location"]


PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""RFC 9110, section 15, and RFC 6585."""


def is_problem(answer: Answer) -> bool:
    """RFC 9457, section 3."""
    problem = answer.json
    shape = all(isinstance(problem[name], str) for name in ("type", "detail"))
    return (
        shape
        and problem["title"] == PHRASES[answer.status]
        and problem["status"] == answer.status
        and answer.headers["Content-Type"] == "application/problem+json"
    )


@pytest.mark.parametrize("depth", [101, 150, *range(880, 1000, 10), 5_000, 20_000])
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


@pytest.mark.parametrize(("digits", "status"), [(4300, 202), (4301, 400)])
def test_a_number_may_have_as_many_digits_as_can_be_read(api: Api, digits: int, status: int) -> None:
    data = PUBLISHED["data"] | {"n": "digits"}  # type: ignore[operator]
    text = json.dumps(PUBLISHED | {"data": data}).replace('"digits"', "9" * digits)
    answer = api.of_platform().call("POST", "/v1/events", text=text)
    assert answer.status == status
    if status == 400:
        assert answer.json["detail"] == "the body has a number with too many digits; at most 4300 are allowed"


def test_a_field_as_deep_as_is_allowed_is_looked_at(account: Api) -> None:
    nested: Any = {}
    for _ in range(98):
        nested = {"x": nested}
    refused = account.post("/v1/webhooks", VALID | {"oops": nested})
    assert [error["field"] for error in refused.json["errors"]] == ["oops"]


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
    known = "name, url, events, headers, whatsapp_account_ids, max_per_second, catch_up, catch_up_hours"
    assert answer.json["errors"] == [{"field": "nmae", "detail": f"is not a known field; allowed fields: {known}"}]


def test_every_bad_field_is_named_at_once_and_no_value_is_repeated(account: Api) -> None:
    bad = {"name": "", "url": 5, "events": ["s3cret"], "headers": {"X-Key": "s3cret\r\n"}}
    answer = account.post("/v1/webhooks", bad)
    assert [error["field"] for error in answer.json["errors"]] == ["name", "url", "events[0]", "headers"]
    assert "message.incoming" in answer.json["errors"][2]["detail"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("encode", [False, True])
@pytest.mark.parametrize("fill", ["x", "é", "\U0001f600"])
def test_a_body_above_128_kib_is_refused_before_it_is_parsed(account: Api, fill: str, encode: bool) -> None:
    """It is not even JSON; its size is in bytes, whatever API Gateway makes of them."""
    limit = 128 * 1024
    for size, status in ((limit, 400), (limit + 4, 413)):
        text = fill * (size // len(fill.encode()))
        assert len(text.encode()) == size - size % len(fill.encode())
        if encode:
            answer = encoded(account, base64.b64encode(text.encode()).decode())
        else:
            answer = account.call("POST", "/v1/webhooks", text=text)
        assert (answer.status, is_problem(answer)) == (status, True)
    assert "131072" in answer.json["detail"]


def test_at_most_twenty_errors_are_listed(account: Api) -> None:
    many = VALID | {f"field{number}{'x' * 300}": number for number in range(350)}
    answer = account.post("/v1/webhooks", many)
    assert (answer.status, len(answer.json["errors"])) == (422, 20)
    assert answer.json["detail"].endswith("; 350 errors in total, of which the first 20 are listed")
    assert len(answer.text) < 10_000
    few = account.post("/v1/webhooks", VALID | {f"field{number}": number for number in range(20)})
    assert len(few.json["errors"]) == 20
    assert "in total" not in few.json["detail"]


def numbered(count: int) -> dict[str, int]:
    return {f"{number:x}": 1 for number in range(count)}


BATCH = {"events": [PUBLISHED | numbered(950)] * 100}


@pytest.mark.long
@pytest.mark.parametrize(
    ("role", "body", "field", "count"),
    [
        ("account", VALID | numbered(14000), "body", 14003),
        ("account", VALID | {"headers": numbered(14000)}, "headers", 14004),
        ("account", {"header_changes": numbered(14000)}, "header_changes", 14001),
        ("platform", BATCH, "events", 1 + 100 * 953),
    ],
)
def test_refusing_a_body_of_many_fields_costs_little(
    api: Api, webhook: str, role: str, body: dict[str, Any], field: str, count: int
) -> None:
    """Each validated, they would cost 7 to 25 times the CPU of parsing them and of an ordinary refusal; now 1 to 3 times."""
    caller = api.of_platform() if role == "platform" else api.of_account("acme")
    path = "/v1/events/batch" if role == "platform" else webhook if "header_changes" in body else "/v1/webhooks"
    method, text = ("PATCH" if path == webhook else "POST"), json.dumps(body, separators=(",", ":"))
    refused = caller.call(method, path, text=text)
    detail = f"has too many fields; the body has {count}, and at most 1000 are allowed"
    assert (refused.status, is_problem(refused)) == (422, True)
    assert refused.json["errors"] == [{"field": field, "detail": detail}]
    ordinary = cpu(lambda: caller.call(method, path, {"oops": 1})) + cpu(lambda: json.loads(text))
    assert cpu(lambda: caller.call(method, path, text=text)) < 5 * ordinary


def cpu(call: Callable[[], object]) -> float:
    """Seconds of the quickest of five."""
    return min(timeit.repeat(call, timer=time.process_time, number=1, repeat=5))


def test_a_thousand_fields_are_each_validated(account: Api) -> None:
    longest = account.post("/v1/webhooks", numbered(1000))
    assert longest.json["detail"].endswith("; 1003 errors in total, of which the first 20 are listed")


def test_the_data_of_events_has_any_number_of_fields(api: Api) -> None:
    event = PUBLISHED | {"data": PUBLISHED["data"] | numbered(1001)}  # type: ignore[operator]
    assert api.of_platform().post("/v1/events", event).status == 202
    assert api.of_platform().post("/v1/events/batch", {"events": [event, event]}).status == 202


@pytest.mark.parametrize(
    ("token", "path", "status"), [("", "/nowhere", 404), ("", "/v1/webhooks", 401), ("own", "/v1/webhooks/wh_0", 404)]
)
def test_refusals_are_neither_sniffed_nor_stored(account: Api, token: str, path: str, status: int) -> None:
    answer = (account if token else Api()).get(path)
    assert (answer.status, answer.headers["X-Content-Type-Options"]) == (status, "nosniff")
    assert answer.headers["Cache-Control"] == "no-store"
    invalid = account.post("/v1/webhooks", {})
    assert (invalid.status, invalid.headers["X-Content-Type-Options"]) == (422, "nosniff")


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


@pytest.mark.long
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=bodies)
@example({"\ud800": "x"})
@example({"headers": {"\ud800": "\ud800"}})
@example({"url": "https://\ud800/"})
@example({"url": "https://[::1"})
@example({"name": "\ud800"})
def test_no_body_is_our_fault(account: Api, platform: Api, webhook: str, body: dict[str, Any]) -> None:
    calls = [
        (account, "POST", "/v1/webhooks"),
        (account, "PATCH", webhook),
        (platform, "POST", "/v1/events"),
        (platform, "POST", "/v1/api-keys"),
    ]
    for caller, method, path in calls:
        answer = caller.call(method, path, body)
        assert "Input should" not in answer.text, "the validator's own words"
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


def test_a_refusal_is_no_error_of_ours(account: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Powertools writes a traceback for what nothing handles: kilobytes, and an error where there is none."""
    mine = account.post("/v1/webhooks", VALID).json["id"]
    assert account.post("/v1/webhooks", VALID | {"url": "https://10.0.0.1/"}).status == 422
    assert account.post(f"/v1/webhooks/{mine}/deliveries/evt_0/retry", None).status == 404
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


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


@pytest.mark.parametrize(
    ("change", "field", "detail"),
    [
        ({"name": 5}, "name", "must be a string"),
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "x" * 101}, "name", "must have at most 100 characters"),
        ({"url": "https://10.0.0.1/"}, "url", "address 10.0.0.1 is not public; only public addresses are allowed"),
        ({"events": "message.read"}, "events", "must be a JSON array"),
        ({"events": []}, "events", "must not be empty"),
        ({"headers": "X-Key: 1"}, "headers", "must be a JSON object"),
        ({"headers": {f"X-{number}": "v" for number in range(11)}}, "headers", "must have at most 10 entries"),
        ({"headers": {"X-Key": 1}}, "headers.X-Key", "must be a string"),
        ({"url": "https://\ud800/"}, "url", "must not contain half of a surrogate pair"),
        ({"enabled": "yes"}, "enabled", "must be true or false"),
    ],
)
def test_refusals_are_in_words_of_our_own(api: Api, change: dict[str, Any], field: str, detail: str) -> None:
    account = api.of_account("acme")
    webhook = {"name": "Orders", "url": "https://localhost/hook", "events": ["message.read"]}
    path = account.post("/v1/webhooks", webhook).headers["Location"]
    refused = account.call("PATCH", path, change)
    assert (refused.status, refused.json["errors"]) == (422, [{"field": field, "detail": detail}])


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"limit": "0"}, "must be at least 1"),
        ({"limit": "101"}, "must be at most 100"),
        ({"limit": "x"}, "must be an integer"),
        ({"limit": "9" * 5000}, "has too many digits"),
        ({"status": "lost"}, "must be one of 'pending', 'retrying', 'delivered', 'failed' or 'cancelled'"),
    ],
)
def test_refusals_of_a_query_are_in_words_of_our_own(api: Api, query: dict[str, str], detail: str) -> None:
    account = api.of_account("acme")
    webhook = {"name": "Orders", "url": "https://localhost/hook", "events": ["message.read"]}
    path = account.post("/v1/webhooks", webhook).headers["Location"]
    refused = account.get(f"{path}/deliveries", **query)
    assert [error["detail"] for error in refused.json["errors"]] == [detail]


def test_a_refused_account_id_says_what_an_id_is(api: Api) -> None:
    refused = api.of_platform().post("/v1/api-keys", {"account_id": "no id"})
    detail = "must be 1 to 64 letters, digits, hyphens or underscores"
    assert refused.json["errors"] == [{"field": "account_id", "detail": detail}]


def test_a_refused_view_says_what_a_view_is(api: Api) -> None:
    refused = api.of_platform().post("/v1/portal-sessions", {"account_id": "acme", "view": "list"})
    detail = "must be new, a webhook's id, or that and /edit, /secret or /deliveries/ with an event's id"
    assert refused.json["errors"] == [{"field": "view", "detail": detail}]


def test_an_unknown_field_of_an_event_is_told_those_of_an_event(api: Api) -> None:
    refused = api.of_platform().post("/v1/events/batch", {"events": [PUBLISHED, PUBLISHED | {"oops": 1}], "oops": 1})
    known = "is not a known field; allowed fields: account_id, event, data, id, timestamp"
    assert refused.json["errors"] == [
        {"field": "events[1].oops", "detail": known},
        {"field": "oops", "detail": "is not a known field; allowed fields: events"},
    ]
