"""What an account may have us POST on its word, and the sessions of its page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from webhooks.models import now, parse_time

SINCE = {"since": "2026-05-29T10:30:00Z"}


@pytest.fixture
def account(aws: Aws, api: Api) -> Api:
    Pipeline(aws).webhook("https://localhost:1/")
    return api.of_account("acme")


@pytest.fixture
def a_minute(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """That does not end while the test is running."""
    from api import limits

    at = now().replace(second=5)
    monkeypatch.setattr(limits, "now", lambda: at)
    monkeypatch.setenv("SENDS_PER_MINUTE", "3")
    monkeypatch.setenv("RECOVERIES_PER_MINUTE", "2")
    return at


@pytest.mark.usefixtures("a_minute")
def test_tests_and_retries_are_counted_together(account: Api, aws: Aws) -> None:
    for _ in range(3):
        sent = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
        assert sent.status == 202
    refused = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "55")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json["detail"] == "an account has 3 test events and retries a minute; try again in 55 s"
    retry = account.call("POST", f"/v1/webhooks/wh_1/deliveries/{sent.json['event_id']}/retry")
    assert retry.status == 429
    assert len(aws.messages(aws.delivery_queue)) == 3
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 202


@pytest.mark.usefixtures("a_minute")
def test_pages_of_recovery_are_counted(account: Api) -> None:
    statuses = [account.post("/v1/webhooks/wh_1/recover", SINCE).status for _ in range(3)]
    assert statuses == [202, 202, 429]


def test_a_limit_is_the_accounts_own_and_of_one_minute(
    account: Api, api: Api, aws: Aws, a_minute: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api import limits

    Pipeline(aws).webhook("https://localhost:1/", "wh_2", account_id="other")
    while account.post("/v1/webhooks/wh_1/recover", SINCE).status == 202:
        pass
    assert api.of_account("other").post("/v1/webhooks/wh_2/recover", SINCE).status == 202
    later = a_minute + timedelta(seconds=55)
    monkeypatch.setattr(limits, "now", lambda: later)
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 202


def test_what_is_refused_for_its_body_is_not_counted(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDS_PER_MINUTE", "1")
    for _ in range(3):
        assert account.post("/v1/webhooks/wh_1/test", {"event": "no.event"}).status == 422
    assert account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).status == 202


def test_counters_are_forgotten(account: Api, aws: Aws) -> None:
    account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
    items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    (counter,) = [item for item in items if item["pk"]["S"].startswith("LIMIT#")]
    assert 60 <= int(counter["expires_at"]["N"]) - now().timestamp() <= 120


def test_a_portal_session_is_an_account_key_that_expires(api: Api) -> None:
    platform = api.of_platform()
    opened = platform.post("/v1/portal-sessions", {"account_id": "acme"})
    assert opened.status == 201
    ends = parse_time(opened.json["expires_at"])
    assert timedelta(minutes=59, seconds=55) < ends - now() <= timedelta(hours=1)
    page, _, token = opened.json["url"].partition("#token=")
    assert (page, token) == ("https://webhooks.example.com/settings/webhooks", opened.json["token"])
    assert re.fullmatch(r"[\w.-]+", token, re.ASCII), "it survives a URL as it is"
    session = Api(token)
    assert session.get("/v1/webhooks").json == {"data": [], "next_cursor": None}
    assert session.post("/v1/portal-sessions", {"account_id": "acme"}).status == 403
    (listed,) = platform.get("/v1/api-keys", account_id="acme").json["data"]
    assert (listed["expires_at"], token.split(".")[0]) == (opened.json["expires_at"], listed["id"])
    assert platform.call("DELETE", f"/v1/api-keys/{listed['id']}").status == 204
    assert session.get("/v1/webhooks").status == 401


def test_an_ended_session_opens_nothing_and_is_not_listed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from api import access, platform_routes

    platform = api.of_platform()
    opened = platform.post("/v1/portal-sessions", {"account_id": "acme", "expires_in": 60}).json
    assert Api(opened["token"]).get("/v1/webhooks").status == 200
    later = parse_time(opened["expires_at"])
    for module in (access, platform_routes):
        monkeypatch.setattr(module, "now", lambda: later)
    assert Api(opened["token"]).get("/v1/webhooks").status == 401
    assert platform.get("/v1/api-keys", account_id="acme").json == {"data": [], "next_cursor": None}


@pytest.mark.parametrize("expires_in", [0, 59, 86_401, "60", 60.5, True])
def test_a_session_of_another_length_is_refused_at_its_field(api: Api, expires_in: object) -> None:
    refused = api.of_platform().post("/v1/portal-sessions", {"account_id": "acme", "expires_in": expires_in})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "expires_in")
