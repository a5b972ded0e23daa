"""The delivery log as its owner reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import put_items
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.delivery_log import DeliveryLog
from webhooks.items import delivery_item
from webhooks.log_pages import fitting
from webhooks.payload import build_body
from webhooks.stored_events import StoredEvent
from webhooks.tables import delivery_lists
from webhooks.times import now, rfc3339

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}
DATA = {"message_id": "m", "whatsapp_account_id": "w", "text": "naïve", "extra": [1.5, None]}
ATTEMPT = Attempt(
    1, 1, "2026-05-29T10:30:00.500Z", 20, status_code=204, error="answered 204, expected 200", error_code="status"
)


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture
def path(account: Api) -> str:
    return f"/v1/webhooks/{account.post('/v1/webhooks', VALID).json['id']}/deliveries"


@pytest.fixture
def log(aws: Aws) -> DeliveryLog:
    return DeliveryLog(aws.dynamodb, aws.log_table, log_days=30)


def put(
    log: DeliveryLog,
    path: str,
    id: str,
    at: datetime,
    status: DeliveryStatus = "delivered",
    event: str = "message.incoming",
    account_id: str = "acme",
) -> None:
    """As fanout and deliver leave it."""
    body = build_body(event, "2026-05-29T10:30:00Z", DATA)
    log.put_event_once(StoredEvent(account_id, id, event, body, rfc3339(at)))
    made = replace(made_at(at, path, id), account_id=account_id, event=event, status=status)
    assert log.save(made) is not None


def made_at(at: datetime, path: str, id: str) -> Delivery:
    """Delivered at the first attempt."""
    return Delivery(
        webhook_id=path.split("/")[3], account_id="acme", event_id=id, event="message.incoming", accepted_at=rfc3339(at),
        status="delivered", round=1, round_started_at=rfc3339(at), attempts=[ATTEMPT],
    )  # fmt: skip


def fill(aws: Aws, deliveries: Iterable[Delivery]) -> None:
    """With deliveries as they are after one write, without their events: lists show no payload."""
    put_items(aws, [delivery_item(replace(delivery, version=1), 30) for delivery in deliveries])


def ids(page: Any) -> list[str]:
    return [delivery["event_id"] for delivery in page["data"]]


def pages(account: Api, path: str, **query: str) -> list[list[str]]:
    found: list[list[str]] = []
    cursor = None
    while not found or cursor:
        assert len(found) < 20, "pages without end"
        page = account.get(path, **query, **({"cursor": cursor} if cursor else {})).json
        found.append(ids(page))
        cursor = page["next_cursor"]
    return found


def test_nothing_yet(account: Api, path: str) -> None:
    assert account.get(path).json == {"data": [], "next_cursor": None, "searched_to": None}


def test_a_delivery_is_shown_with_its_attempts_and_its_payload(account: Api, path: str, log: DeliveryLog) -> None:
    at = now()
    put(log, path, "evt_1", at, "retrying")
    shown = {
        "event_id": "evt_1",
        "event": "message.incoming",
        "test": False,
        "status": "retrying",
        "accepted_at": rfc3339(at),
        "next_attempt_at": None,
        "catch_up": None,
        "attempts": [
            {
                "number": 1,
                "round": 1,
                "at": "2026-05-29T10:30:00.500Z",
                "duration_ms": 20,
                "status_code": 204,
                "error": "answered 204, expected 200",
                "error_code": "status",
                "response_body": None,
                "redirect_to": None,
            }
        ],
    }
    assert account.get(path).json == {"data": [shown], "next_cursor": None, "searched_to": None}
    payload = {"event": "message.incoming", "timestamp": "2026-05-29T10:30:00Z", "data": DATA}
    detail = account.get(f"{path}/evt_1").json
    assert detail == shown | {"payload": payload, "request": detail["request"]}


def test_a_delivery_before_its_first_attempt_has_no_request(account: Api, path: str, log: DeliveryLog) -> None:
    at = now()
    log.put_event_once(StoredEvent("acme", "evt_1", "message.incoming", '{"data":{}}', rfc3339(at)))
    assert log.save(replace(made_at(at, path, "evt_1"), status="pending", attempts=[])) is not None
    assert account.get(f"{path}/evt_1").json["request"] is None


def test_only_what_was_accepted_in_a_time_range(account: Api, path: str, aws: Aws) -> None:
    begin = now() - timedelta(hours=2)
    times = [begin + timedelta(minutes=number) for number in range(6)]
    statuses: list[DeliveryStatus] = ["delivered", "failed"]
    fill(aws, [replace(made_at(at, path, f"evt_{n}"), status=statuses[n % 2]) for n, at in enumerate(times)])
    since, until = rfc3339(times[1]), rfc3339(times[4])
    assert pages(account, path, since=since, until=until, limit="2") == [["evt_3", "evt_2"], ["evt_1"]]
    assert pages(account, path, since=since) == [["evt_5", "evt_4", "evt_3", "evt_2", "evt_1"]]
    assert pages(account, path, until=until) == [["evt_3", "evt_2", "evt_1", "evt_0"]]
    assert pages(account, path, since=since, until=until, status="failed") == [["evt_3", "evt_1"]]
    assert pages(account, path, since=until, until=since) == [[]]
    assert pages(account, path, until="1970-01-01T00:00:00Z") == [[]]
    with aws_calls() as calls:
        assert pages(account, path, since="1970-01-01T00:00:00+14:00", until=rfc3339(times[2])) == [["evt_1", "evt_0"]]
    assert calls["read Query"] == 2, "what lies outside is not read"


@pytest.mark.parametrize("status", [{}, {"status": "failed"}])
def test_a_cursor_of_another_range_starts_at_the_end_of_this_one(
    account: Api, path: str, aws: Aws, status: dict[str, str]
) -> None:
    begin = now() - timedelta(hours=2)
    times = [begin + timedelta(minutes=number) for number in range(4)]
    fill(aws, [replace(made_at(at, path, f"evt_{n}"), status="failed") for n, at in enumerate(times)])
    cursor = account.get(path, limit="1", **status).json["next_cursor"]
    found = account.get(path, cursor=cursor, until=rfc3339(times[2]), **status)
    assert ids(found.json) == ["evt_1", "evt_0"]
    assert ids(account.get(path, cursor=cursor, since=rfc3339(times[3]), **status).json) == []


@pytest.mark.parametrize("value", ["yesterday", ""])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_that_is_none_is_refused(account: Api, path: str, name: str, value: str) -> None:
    refused = account.get(path, **{name: value})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, name)


@pytest.mark.parametrize(("limit", "sizes"), [("1", [1] * 6), ("4", [4, 2]), ("6", [6]), ("100", [6])])
def test_newest_first_each_once_and_no_empty_page_at_the_end(
    account: Api, path: str, log: DeliveryLog, limit: str, sizes: list[int]
) -> None:
    begin = now() - timedelta(hours=1)
    for number in (3, 0, 5, 1, 4, 2):
        put(log, path, f"evt_{number}", begin + timedelta(milliseconds=number))
    read = pages(account, path, limit=limit)
    assert [len(page) for page in read] == sizes
    assert [id for page in read for id in page] == [f"evt_{number}" for number in (5, 4, 3, 2, 1, 0)]


def test_what_arrives_meanwhile_moves_no_page(account: Api, path: str, log: DeliveryLog) -> None:
    for number in range(4):
        put(log, path, f"evt_{number}", now() - timedelta(minutes=10 - number))
    first = account.get(path, limit="2").json
    put(log, path, "evt_new", now())
    assert ids(account.get(path, limit="2", cursor=first["next_cursor"]).json) == ["evt_1", "evt_0"]


def test_filters(account: Api, path: str, log: DeliveryLog) -> None:
    statuses: list[DeliveryStatus] = ["pending", "retrying", "delivered", "failed", "cancelled"]
    for number, status in enumerate(statuses):
        at = now() - timedelta(minutes=number)
        put(log, path, f"evt_{status}", at, status)
        put(log, path, f"read_{status}", at, status, event="message.read")
    for status in statuses:
        (page,) = pages(account, path, status=status)
        assert sorted(page) == [f"evt_{status}", f"read_{status}"]
        both = pages(account, path, status=status, event="message.read")
        assert both == [[f"read_{status}"]]
    assert len(ids(account.get(path, event="message.read").json)) == 5


def test_what_has_moved_since_the_index_was_written_is_left_out_and_said(
    account: Api, path: str, log: DeliveryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is a moment behind: it still lists what was recovered."""
    from webhooks.clients import client

    begin = now() - timedelta(hours=1)
    for number in range(4):
        put(log, path, f"evt_{number}", begin + timedelta(seconds=number), "failed")
    dynamodb = client("dynamodb")
    query = dynamodb.query

    def behind(**request: Any) -> Any:
        answer = query(**request)
        for number in (2, 3):
            moved = log.delivery(path.split("/")[3], rfc3339(begin + timedelta(seconds=number)), f"evt_{number}")
            assert moved is not None
            log.save(replace(moved, status="pending"))
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(dynamodb, "query", behind)
        page = account.get(path, status="failed", limit="2").json
    assert (ids(page), page["searched_to"]) == ([], rfc3339(begin + timedelta(seconds=2)))
    rest = account.get(path, status="failed", limit="2", cursor=page["next_cursor"]).json
    assert (ids(rest), rest["next_cursor"], rest["searched_to"]) == (["evt_1", "evt_0"], None, None)


@pytest.mark.long
def test_a_filter_finds_what_is_far_down_by_following_the_cursor(
    account: Api, path: str, log: DeliveryLog, aws: Aws
) -> None:
    """What one call reads is bounded: then the page is short, or empty, and says how far back it has looked."""
    begin = now() - timedelta(days=1)
    put(log, path, "evt_deep", begin, "cancelled", event="message.read")
    fill(aws, [made_at(begin + timedelta(seconds=1 + number), path, f"evt_{number}") for number in range(1100)])
    queries: list[dict[str, str]] = [{"status": "cancelled"}, {"event": "message.read"}]
    for query in queries:
        with aws_calls() as calls:
            first = account.get(path, **query).json
        assert (ids(first), first["searched_to"]) == ([], rfc3339(begin + timedelta(seconds=101)))
        assert (calls["Query"], calls["read Query"]) == (5, 1000)
        second = account.get(path, **query, cursor=first["next_cursor"]).json
        assert (ids(second), second["next_cursor"], second["searched_to"]) == (["evt_deep"], None, None)


@pytest.mark.long
def test_the_failed_are_found_without_reading_what_is_above_them(
    account: Api, path: str, log: DeliveryLog, aws: Aws
) -> None:
    begin = now() - timedelta(days=1)
    for number in range(30):
        event = "message.read" if number % 3 == 0 else "message.sent"
        put(log, path, f"failed_{number}", begin + timedelta(seconds=number), "failed", event)
    fill(aws, [made_at(begin + timedelta(minutes=1 + number), path, f"evt_{number}") for number in range(300)])
    with aws_calls() as calls:
        first = account.get(path, status="failed", limit="20").json
    assert ids(first) == [f"failed_{number}" for number in range(29, 9, -1)]
    assert (calls["Query"], calls["read Query"], calls["BatchGetItem"]) == (1, 21, 1)
    assert first["data"][0]["attempts"][0]["error"] == "answered 204, expected 200"
    assert pages(account, path, status="failed", limit="20") == [ids(first), [f"failed_{n}" for n in range(9, -1, -1)]]
    both = pages(account, path, status="failed", event="message.read", limit="4")
    assert [id for page in both for id in page] == [f"failed_{n}" for n in range(27, -1, -3)]
    assert all(len(page) == 4 for page in both[:-1])


@pytest.mark.long
def test_a_page_of_long_answers_ends_before_lambdas_own_limit(account: Api, path: str, aws: Aws) -> None:
    """6 MB; a body of control characters takes seven bytes for each of them: 22 × 40 × 1024 × 7."""
    noisy = [replace(ATTEMPT, number=number, response_body="\x01" * 1024) for number in range(40)]
    times = [now() - timedelta(seconds=1 + number) for number in range(22)]
    deliveries = [made_at(at, path, f"evt_{number}") for number, at in enumerate(times)]
    fill(aws, [replace(delivery, status="failed", attempts=noisy) for delivery in deliveries])
    for query in ({}, {"status": "failed"}):
        found: list[str] = []
        cursor = None
        while cursor or not found:
            page = account.get(path, limit="100", **query, **({"cursor": cursor} if cursor else {}))
            assert len(json.dumps(page.text)) < 6_000_000, "as Lambda's runtime sends it"
            assert (page.json["searched_to"] is None) == (page.json["next_cursor"] is None)
            found += ids(page.json)
            cursor = page.json["next_cursor"]
        assert found == [f"evt_{number}" for number in range(22)]


def test_what_does_not_fit_is_on_the_next_page(
    account: Api, path: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here three do. A page that is short says how far it has looked, one that is full does not."""
    monkeypatch.setattr("webhooks.log_pages.MAX_PAGE_BYTES", 3500)
    times = [now() - timedelta(seconds=number) for number in range(1, 8)]
    long = [replace(ATTEMPT, response_body="x" * 1000)]
    fill(aws, [replace(made_at(at, path, f"evt_{n}"), attempts=long) for n, at in enumerate(times)])
    assert pages(account, path, limit="5") == [["evt_0", "evt_1", "evt_2"], ["evt_3", "evt_4", "evt_5"], ["evt_6"]]
    assert account.get(path, limit="5").json["searched_to"] == rfc3339(times[2])
    assert account.get(path, limit="3").json["searched_to"] is None


@pytest.mark.parametrize(("spare", "fit"), [(0, 2), (-1, 1), (-60, 1), (12, 2), (13, 3)])
def test_a_page_has_what_fits_and_at_least_one(monkeypatch: pytest.MonkeyPatch, spare: int, fit: int) -> None:
    """What counts is the JSON of the texts of an attempt: `["ok", "é", null]`, é with six characters; or `["", "", "e"]`."""
    attempts = [replace(ATTEMPT, response_body="ok", redirect_to="é", error=None)]
    made = [replace(made_at(now(), "//webhooks/wh_1", f"evt_{number}"), attempts=attempts * 2) for number in range(2)]
    last = replace(made[0], attempts=[replace(ATTEMPT, response_body="", redirect_to="", error="e")])
    monkeypatch.setattr("webhooks.log_pages.MAX_PAGE_BYTES", 2 * 2 * 22 + spare)
    assert len(fitting([*made, last])) == fit


def test_the_expired_is_gone_before_dynamodb_removes_it(account: Api, path: str, log: DeliveryLog) -> None:
    put(log, path, "evt_old", now() - timedelta(days=30, seconds=5))
    put(log, path, "evt_last", now() - timedelta(days=30, seconds=-60))
    assert ids(account.get(path).json) == ["evt_last"]
    answer = account.get(f"{path}/evt_old")
    assert (answer.status, answer.json["detail"]) == (404, "there is no such delivery")
    assert account.get(f"{path}/evt_last").status == 200


def test_another_webhooks_deliveries_are_none_of_this_ones(account: Api, path: str, log: DeliveryLog) -> None:
    other = f"/v1/webhooks/{account.post('/v1/webhooks', VALID).json['id']}/deliveries"
    put(log, path, "evt_1", now())
    assert ids(account.get(other).json) == []
    assert account.get(f"{other}/evt_1").json == account.get(f"{other}/evt_absent").json
    assert account.get(f"{other}/evt_1").status == 404


def test_another_accounts_event_of_the_same_id_is_never_shown(
    api: Api, account: Api, path: str, log: DeliveryLog
) -> None:
    stranger = api.of_account("other")
    theirs = f"/v1/webhooks/{stranger.post('/v1/webhooks', VALID).json['id']}/deliveries"
    put(log, path, "evt_1", now() - timedelta(minutes=1))
    put(log, theirs, "evt_1", now(), "failed", account_id="other")
    assert account.get(f"{path}/evt_1").json["status"] == "delivered"
    assert stranger.get(f"{theirs}/evt_1").json["status"] == "failed"
    assert stranger.get(f"{path}/evt_1").status == 404


def test_a_cursor_works_in_its_own_log_only(api: Api, account: Api, path: str, log: DeliveryLog) -> None:
    """Given to another account it shows that account's own, from that point in time on."""
    for number in range(3):
        put(log, path, f"evt_{number}", now() - timedelta(minutes=number))
    cursor = account.get(path, limit="1").json["next_cursor"]
    stranger = api.of_account("other")
    theirs = f"/v1/webhooks/{stranger.post('/v1/webhooks', VALID).json['id']}/deliveries"
    assert stranger.get(theirs, cursor=cursor).json == {"data": [], "next_cursor": None, "searched_to": None}
    assert stranger.get(path, cursor=cursor).status == 404
    for _ in range(2):
        account.post("/v1/webhooks", VALID)
    of_webhooks = account.get("/v1/webhooks", limit="1").json["next_cursor"]
    for wrong in (of_webhooks, json.dumps({"pk": "WEBHOOK#x"}), cursor + "A", "", "é"):
        refused = account.get(path, cursor=wrong)
        assert (refused.status, refused.json["errors"][0]["field"]) == (400, "cursor"), wrong
    assert account.get("/v1/webhooks", cursor=cursor).status == 400


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"status": "active"}, "status"),
        ({"event": "message.*"}, "event"),
        ({"state": "failed"}, "state"),
        ({"status": "failed", "Limit": "5"}, "Limit"),
    ],
)
def test_a_bad_question_is_refused_at_its_field(account: Api, path: str, query: dict[str, str], field: str) -> None:
    refused = account.get(path, **query)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)


def test_a_test_delivery_is_marked(account: Api, path: str, log: DeliveryLog) -> None:
    at = now()
    put(log, path, "evt_1", at)
    delivery = log.delivery(path.split("/")[3], rfc3339(at), "evt_1")
    assert delivery is not None
    assert log.save(replace(delivery, test=True)) is not None
    assert account.get(f"{path}/evt_1").json["test"] is True


def test_without_any_times_the_newest_is_found(path: str, log: DeliveryLog) -> None:
    """As catching up asks, to see whether a webhook has traffic."""
    for number in range(3):
        put(log, path, f"evt_{number}", now() - timedelta(seconds=60 - number))
    page = delivery_lists().page(path.split("/")[3], limit=1, after=None)
    assert [delivery.event_id for delivery in page.deliveries] == ["evt_2"]


def test_a_page_has_what_each_of_its_reads_found(
    account: Api, path: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.delivery_lists._ITEMS_PER_READ", 2)
    begin = now() - timedelta(seconds=60)
    made = [made_at(begin + timedelta(seconds=number), path, f"evt_{number}") for number in range(9)]
    statuses: list[DeliveryStatus] = ["delivered", "cancelled"]
    fill(aws, [replace(delivery, status=statuses[number % 2]) for number, delivery in enumerate(made)])
    found = ["evt_7", "evt_5", "evt_3", "evt_1"]
    assert ids(account.get(path, status="cancelled").json) == found
    assert pages(account, path, status="cancelled", limit="4") == [found], "no empty page follows"


def test_of_events_with_one_id_the_first_is_stored_and_returned(log: DeliveryLog) -> None:
    first = StoredEvent("acme", "evt_1", "message.incoming", '{"n":1}', rfc3339(now()))
    later = replace(first, body='{"n":2}', accepted_at=rfc3339(now() + timedelta(seconds=1)))
    assert log.put_event_once(first) == first
    assert log.put_event_once(later) == first == log.event("acme", "evt_1")
    others = replace(later, account_id="other")
    assert log.put_event_once(others) == others
