"""Who may call what: 401, 403, 404 in this order, for every call there is."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from tests.integration.api_client import Answer, Api
from webhooks.times import now

RULES = [
    ("GET", "/v1/webhooks", "account"),
    ("POST", "/v1/webhooks", "account"),
    ("GET", "/v1/webhooks/{id}", "account"),
    ("PATCH", "/v1/webhooks/{id}", "account"),
    ("DELETE", "/v1/webhooks/{id}", "account"),
    ("GET", "/v1/webhooks/{id}/secret", "account"),
    ("GET", "/v1/webhooks/{id}/catch-up", "account"),
    ("POST", "/v1/webhooks/{id}/secret/rotate", "account"),
    ("POST", "/v1/webhooks/{id}/test", "account"),
    ("POST", "/v1/webhooks/{id}/recover", "account"),
    ("GET", "/v1/webhooks/{id}/stats", "account"),
    ("POST", "/v1/test-addresses", "account"),
    ("GET", "/v1/webhooks/{id}/requests", "account"),
    ("GET", "/v1/webhooks/{id}/deliveries", "account"),
    ("GET", "/v1/webhooks/{id}/deliveries/{event}", "account"),
    ("POST", "/v1/webhooks/{id}/deliveries/{event}/retry", "account"),
    ("GET", "/v1/notifications", "account"),
    ("PUT", "/v1/notifications", "account"),
    ("GET", "/v1/event-types", "any"),
    ("GET", "/v1/events/{event}", "any"),
    ("POST", "/v1/events", "platform"),
    ("POST", "/v1/events/batch", "platform"),
    ("GET", "/v1/subscriptions", "platform"),
    ("POST", "/v1/api-keys", "platform"),
    ("GET", "/v1/api-keys", "platform"),
    ("DELETE", "/v1/api-keys/{key}", "platform"),
    ("POST", "/v1/portal-sessions", "platform"),
    ("DELETE", "/v1/accounts/{account}", "platform"),
    ("GET", "/v1/accounts/{account}/erasure", "platform"),
    ("GET", "/v1/session", "any"),
    ("DELETE", "/v1/session", "any"),
]
VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}
BODIES = ["", "{", '{"name": 5}', "[]"]


def refused(answer: Answer, status: int) -> bool:
    problem = answer.json
    shape = {"type", "title", "status", "detail"} <= problem.keys() and problem["status"] == status
    return answer.status == status and answer.headers["Content-Type"] == "application/problem+json" and shape


def test_the_table_is_every_call_there_is() -> None:
    """A call that is added without a rule here, or in the code, fails."""
    from api.handler import ROUTES

    names = {"id": "<webhook_id>", "event": "<event_id>", "key": "<key_id>", "account": "<account_id>"}
    tabled = {(method, path.format(**names), role) for method, path, role in RULES}
    opened = {("GET", path, "open") for path in ("/openapi.json", "/docs", "/event-types", "/settings/webhooks")}
    opened |= {("GET", "/aisoule_webhooks.py", "open")}
    opened |= {("POST", "/in/<token>", "open")}
    declared = {(route.method, route.path, route.role) for route in ROUTES}
    assert declared == tabled | opened
    assert len(ROUTES) == len(declared)


@pytest.fixture
def keys(api: Api) -> dict[str, str | None]:
    from webhooks.key_table import key_table

    token = api.of_account("acme").token
    assert token is not None
    revoked, revoked_token = key_table().mint("account", "acme")
    key_table().revoke(revoked.id)
    expired = key_table().mint("platform", expires_at=now() - timedelta(seconds=1))[1]
    return {
        "missing": None,
        "empty": "",
        "unknown": "key_0.secret",
        "no secret": token.split(".")[0],
        "wrong secret": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "expired": expired,
        "revoked": revoked_token,
        "too long": "k" * 5000,
    }


@pytest.mark.parametrize(("method", "path", "role"), RULES)
def test_without_a_good_key_it_is_a_401(
    api: Api, keys: dict[str, str | None], method: str, path: str, role: str
) -> None:
    for name, token in keys.items():
        for body in BODIES:
            answer = Api(token).call(
                method, path.format(id="wh_1", event="evt_1", key="key_1", account="acme"), text=body
            )
            assert refused(answer, 401), (name, answer)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="webhooks"'


SEND_IT, UNKNOWN = "send Authorization: Bearer <key>", "the key is unknown, revoked or expired"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Basic dXNlcjpwYXNz", UNKNOWN),
        ("Bearer", SEND_IT),
        ("bearer ", SEND_IT),
        ("Bearer key_1.x y", UNKNOWN),
        ("Token {key}", UNKNOWN),
        ("Basic {key}", UNKNOWN),
        ("{key}", SEND_IT),
    ],
)
def test_another_scheme_is_a_401_even_with_a_good_key(api: Api, header: str, why: str) -> None:
    sent = header.format(key=api.of_account("acme").token)
    answer = api.call("GET", "/v1/webhooks", headers={"authorization": sent})
    assert refused(answer, 401)
    assert answer.json["detail"] == why


@pytest.mark.parametrize("header", ["Bearer {key}", "bearer {key}", "BEARER {key}", "Bearer  {key} "])
def test_the_scheme_is_read_in_any_case(api: Api, header: str) -> None:
    sent = header.format(key=api.of_account("acme").token)
    assert api.call("GET", "/v1/webhooks", headers={"authorization": sent}).status == 200


@pytest.mark.parametrize(("method", "path", "role"), [rule for rule in RULES if rule[2] != "any"])
def test_the_other_role_is_a_403_whatever_the_body(api: Api, method: str, path: str, role: str) -> None:
    caller = api.of_platform() if role == "account" else api.of_account("acme")
    other = "platform" if role == "account" else "account"
    for body in BODIES:
        answer = caller.call(method, path.format(id="wh_1", event="evt_1", key="key_1", account="acme"), text=body)
        assert refused(answer, 403)
        assert answer.json["detail"] == f"this call requires a key with the role {role}; this key has the role {other}"


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in RULES if "{id}" in path])
def test_another_accounts_webhook_is_as_if_absent(api: Api, method: str, path: str) -> None:
    """The body is bad on purpose: whose it is comes first."""
    mine = api.of_account("acme").post("/v1/webhooks", VALID).json["id"]
    stranger = api.of_account("other")
    for body in BODIES:
        theirs = stranger.call(method, path.format(id=mine, event="evt_1"), text=body)
        absent = stranger.call(method, path.format(id="wh_absent", event="evt_1"), text=body)
        assert refused(theirs, 404)
        assert theirs == absent
    assert api.of_account("acme").get(f"/v1/webhooks/{mine}").json["name"] == "Orders"


def test_the_owner_of_a_list_sees_only_the_own(api: Api) -> None:
    api.of_account("acme").post("/v1/webhooks", VALID)
    assert api.of_account("other").get("/v1/webhooks").json == {"data": [], "next_cursor": None}
    # An account whose name is the beginning of another's.
    assert api.of_account("acm").get("/v1/webhooks").json["data"] == []


def test_a_key_is_listed_without_its_secret_and_revoked_at_once(api: Api) -> None:
    platform = api.of_platform()
    minted = platform.post("/v1/api-keys", {"account_id": "acme"})
    assert minted.status == 201
    account = Api(minted.json["key"])
    assert account.get("/v1/webhooks").status == 200
    listed = platform.get("/v1/api-keys", account_id="acme")
    assert [key["id"] for key in listed.json["data"]] == [minted.json["id"]]
    assert minted.json["key"].split(".")[1] not in listed.text
    assert platform.call("DELETE", f"/v1/api-keys/{minted.json['id']}").status == 204
    assert refused(account.get("/v1/webhooks"), 401)
    assert platform.get("/v1/api-keys", account_id="acme").json["data"] == []
    assert refused(platform.call("DELETE", f"/v1/api-keys/{minted.json['id']}"), 404)


def test_the_key_in_use_cannot_revoke_itself(api: Api) -> None:
    platform = api.of_platform()
    assert platform.token is not None
    assert refused(platform.call("DELETE", f"/v1/api-keys/{platform.token.split('.')[0]}"), 409)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/webhooks/", "/v1/webhooks/a b", "/v1/webhooks/%2e%2e", "/v2/events"])
def test_an_unknown_path_is_a_404(api: Api, path: str) -> None:
    assert refused(api.of_account("acme").get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/webhooks", "GET, HEAD, POST"),
        ("DELETE", "/v1/webhooks", "GET, HEAD, POST"),
        ("POST", "/v1/webhooks/wh_1", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/v1/events", "POST"),
        ("OPTIONS", "/docs", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_405_that_says_the_right_ones(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path)
    assert refused(answer, 405)
    assert answer.headers["Allow"] == allowed
    assert answer.json["detail"] == f"{method} is not allowed here; allowed methods: {allowed}"


def test_head_is_get_without_the_body(api: Api) -> None:
    answer = api.of_account("acme").call("HEAD", "/v1/webhooks")
    assert (answer.status, answer.text) == (200, "")


def test_our_own_fault_is_a_500_that_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log line has a time as RFC 3339 writes it: Lambda takes a line without one for INFO, whatever its level says."""
    from api.handler import logger

    account = api.of_account("acme")
    monkeypatch.delenv("MAX_WEBHOOKS")
    answer = account.post("/v1/webhooks", VALID)
    assert refused(answer, 500)
    assert "MAX_WEBHOOKS" not in answer.text
    (record,) = [record for record in caplog.records if record.msg == "call.failed"]
    line = json.loads(logger.registered_formatter.format(record))
    assert line["level"] == "ERROR"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", line["timestamp"])


def test_no_log_line_holds_a_key_or_a_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    account = api.of_account("acme")
    assert account.token is not None
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret-value"}}).json
    account.get(f"/v1/webhooks/{created['id']}/secret")
    account.post("/v1/webhooks", VALID | {"headers": {"Host": "s3cret-value"}})
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "call.answered" in logged
    for secret in (account.token.split(".")[1], created["secret"], created["secret"][6:], "s3cret-value"):
        assert secret not in logged
