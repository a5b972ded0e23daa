"""What an account may have us POST on its word, and the sessions of its page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import Pipeline
from tests.integration.test_api_recovery import logged
from tests.integration.test_config_table import webhook
from webhooks.errors import RateLimited
from webhooks.rate_limits import RateLimits
from webhooks.times import now, parse_time

SINCE = {"since": "2026-05-29T10:30:00Z"}


@pytest.fixture
def account(aws: Aws, api: Api) -> Api:
    Pipeline(aws).webhook("https://localhost:1/")
    return api.of_account("acme")


@pytest.fixture
def a_minute(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """That does not end while the test is running."""
    from webhooks import rate_limits

    at = now().replace(second=5)
    monkeypatch.setattr(rate_limits, "now", lambda: at)
    monkeypatch.setenv("SENDS_PER_MINUTE", "3")
    monkeypatch.setenv("RECOVERIES_PER_MINUTE", "4")
    return at


@pytest.mark.usefixtures("a_minute")
def test_tests_and_retries_are_counted_together(account: Api, aws: Aws) -> None:
    for _ in range(3):
        sent = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
        assert sent.status == 202
    refused = account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
    assert (refused.status, refused.headers["Retry-After"]) == (429, "55")
    assert refused.headers["Content-Type"] == "application/problem+json"
    rule = "an account can send 3 test events and retries per minute"
    assert refused.json["detail"] == f"{rule}; try again in 55 s"
    logged(aws, 1)
    assert account.call("POST", "/v1/webhooks/wh_1/deliveries/failed_0/retry").status == 429
    assert len(aws.messages(aws.delivery_queue)) == 3
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 202


@pytest.mark.usefixtures("a_minute")
def test_recovered_deliveries_are_counted_not_pages(account: Api, aws: Aws) -> None:
    """A page that is over the limit sends nothing; those without a failed delivery count as nothing."""
    assert [account.post("/v1/webhooks/wh_1/recover", SINCE).status for _ in range(6)] == [202] * 6
    logged(aws, 3)
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).json["enqueued"] == 3
    aws.messages(aws.delivery_queue)
    logged(aws, 2)
    refused = account.post("/v1/webhooks/wh_1/recover", SINCE)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "55")
    assert "an account can recover 4 deliveries per minute" in refused.json["detail"]
    assert aws.messages(aws.delivery_queue) == []
    assert len(account.get("/v1/webhooks/wh_1/deliveries", status="failed").json["data"]) == 2


def test_what_is_sent_by_hand_to_one_host_is_counted_together(
    account: Api, aws: Aws, a_minute: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all webhooks of the account that lead to the host, at whatever port; other hosts are not concerned."""
    monkeypatch.setenv("SENDS_PER_MINUTE", "60")
    monkeypatch.setenv("HOST_SENDS_PER_MINUTE", "5")
    Pipeline(aws).webhook("https://localhost:2/other", "wh_2")
    Pipeline(aws).webhook("https://127.0.0.1:1/", "wh_3")
    logged(aws, 3)
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).json["enqueued"] == 3
    test = {"event": "message.read"}
    assert [account.post("/v1/webhooks/wh_2/test", test).status for _ in range(3)] == [202, 202, 429]
    refused = account.post("/v1/webhooks/wh_2/test", test)
    assert "an account can send 5 deliveries per minute to localhost" in refused.json["detail"]
    logged(aws, 1)
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 429
    assert account.post("/v1/webhooks/wh_3/recover", SINCE).status == 202


def test_pages_of_the_delivery_log_are_counted(
    account: Api, a_minute: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that a recovery reads, too. Reading a single delivery is cheap."""
    monkeypatch.setenv("LISTINGS_PER_MINUTE", "3")
    path = "/v1/webhooks/wh_1/deliveries"
    assert account.get(path, cursor="x").status == 400
    assert [account.get(path, status="failed").status for _ in range(2)] == [200, 200]
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 202
    refused = account.get(path)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "55")
    assert account.post("/v1/webhooks/wh_1/recover", SINCE).status == 429
    assert account.get(f"{path}/evt_1").status == 404


def test_a_limit_is_the_accounts_own_and_of_one_minute(
    account: Api, api: Api, aws: Aws, a_minute: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks import rate_limits

    Pipeline(aws).webhook("https://localhost:1/", "wh_2", account_id="other")
    test = {"event": "message.read"}
    while account.post("/v1/webhooks/wh_1/test", test).status == 202:
        pass
    assert api.of_account("other").post("/v1/webhooks/wh_2/test", test).status == 202
    later = a_minute + timedelta(seconds=55)
    monkeypatch.setattr(rate_limits, "now", lambda: later)
    assert account.post("/v1/webhooks/wh_1/test", test).status == 202


@pytest.mark.usefixtures("a_minute")
def test_what_is_refused_for_the_state_of_things_is_not_counted(account: Api, aws: Aws) -> None:
    """409: a webhook that is disabled, a delivery that still has attempts left."""
    Pipeline(aws).webhook("https://localhost:1/", "wh_2", status="disabled")
    test = {"event": "message.read"}
    pending = account.post("/v1/webhooks/wh_1/test", test).json["event_id"]
    for _ in range(5):
        assert account.post("/v1/webhooks/wh_2/test", test).status == 409
        assert account.call("POST", f"/v1/webhooks/wh_1/deliveries/{pending}/retry").status == 409
    assert [account.post("/v1/webhooks/wh_1/test", test).status for _ in range(3)] == [202, 202, 429]


def test_what_is_refused_for_its_body_is_not_counted(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDS_PER_MINUTE", "1")
    for _ in range(3):
        assert account.post("/v1/webhooks/wh_1/test", {"event": "no.event"}).status == 422
    assert account.post("/v1/webhooks/wh_1/test", {"event": "message.read"}).status == 202


def test_counters_are_forgotten(account: Api, aws: Aws) -> None:
    begin = now().timestamp()
    account.post("/v1/webhooks/wh_1/test", {"event": "message.read"})
    end = now().timestamp()
    items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    counters = [item for item in items if item["pk"]["S"].startswith("LIMIT#")]
    assert len(counters) == 2
    assert all(begin + 60 <= int(counter["expires_at"]["N"]) <= end + 120 for counter in counters)


LIMITS: dict[str, tuple[int, Callable[[RateLimits], None], str]] = {
    "sends": (2, lambda limits: limits.consume_send(webhook()), "send 2 test events and retries"),
    "recovered": (3, lambda limits: limits.consume_recovery(webhook(), 1), "recover 3 deliveries"),
    "listings": (4, lambda limits: limits.consume_listing("acme"), "read 4 pages of delivery logs"),
    "disablings#wh_1": (10, lambda limits: limits.consume_disabling(webhook()), "be disabled 10 times"),
    "host#example.com": (5, lambda limits: limits.consume_recovery(webhook(), 1), "send 5 deliveries"),
}


@pytest.mark.parametrize("counter", LIMITS)
def test_each_limit_is_of_a_minute_and_says_how_long_that_lasts(aws: Aws, clock: Clock, counter: str) -> None:
    limit, consume, rule = LIMITS[counter]
    recoveries = 3 if counter == "recovered" else 100
    limits = RateLimits(aws.dynamodb, aws.config_table, sends=2, recoveries=recoveries, host_sends=5, listings=4)
    clock.at += timedelta(seconds=1.5)
    for seconds in (59, 60):
        for _ in range(limit):
            consume(limits)
        with pytest.raises(RateLimited, match=rf"^an? (account|webhook) can {rule} per minute") as refused:
            consume(limits)
        assert refused.value.retry_after == seconds
        items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
        minute = int(clock.at.timestamp()) // 60
        used = {item["sk"]["S"]: int(item["used"]["N"]) for item in items if item["pk"]["S"] == "LIMIT#acme"}
        assert used[f"{counter}#{minute}"] == limit, "what is refused counts nothing"
        clock.at += timedelta(seconds=seconds - 0.5)


def test_a_portal_session_opens_a_view(api: Api) -> None:
    platform = api.of_platform()
    for view in ("new", "wh_1", "wh_1/edit", "wh_1/secret", "wh_1/deliveries/evt_1-b"):
        opened = platform.post("/v1/portal-sessions", {"account_id": "acme", "view": view}).json
        assert opened["url"].endswith(f"#token={opened['token']}&view={view}")
    for view in ("", "//evil.example", "wh_1/../x", "wh_1&token=other", "wh_1/deliveries/", "wh_1\n"):
        assert platform.post("/v1/portal-sessions", {"account_id": "acme", "view": view}).status == 422, view


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
