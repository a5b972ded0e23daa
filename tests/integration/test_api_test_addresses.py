"""Test addresses: what the inbox accepts, how long it keeps it, and who may read it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.integration.api_client import Answer, Api
from tests.integration.conftest import Aws, Clock
from tests.integration.counting import aws_calls
from tests.integration.resources import PUBLIC_URL
from webhooks.clients import client
from webhooks.errors import NotFound
from webhooks.event_types import EVENT_TYPES
from webhooks.inboxes import inboxes
from webhooks.tables import config_table

BODY = '{"event":"message.incoming","timestamp":"2026-05-29T10:30:00Z","data":{"text":"\\u00e9 \\"q\\""}}'


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture
def address(account: Api, clock: Clock) -> dict[str, Any]:
    """A webhook with a test address."""
    created = account.post("/v1/test-addresses", {"name": "Try it", "events": ["message.incoming"]})
    assert created.status == 201
    return dict(created.json)


def signed(secret: str, at: datetime, body: str = BODY, event_id: str = "evt_1") -> dict[str, str]:
    """As deliver signs: by somebody else's library, and by the three lines of the README."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body),
        "x-webhook-signature": hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest(),
    }


def arrive(address: Mapping[str, Any], headers: Mapping[str, str], body: str = BODY) -> Answer:
    path = str(address["url"]).removeprefix(PUBLIC_URL)
    return Api().call("POST", path, text=body, headers={"content-type": "application/json", **headers})


def requests(account: Api, address: Mapping[str, Any], **query: str) -> Any:
    answer = account.get(f"/v1/webhooks/{address['id']}/requests", **query)
    assert answer.status == 200, answer.text
    return answer.json["data"]


def test_it_is_a_webhook_like_any_other(account: Api, address: dict[str, Any]) -> None:
    assert address["url"].startswith(f"{PUBLIC_URL}/in/")
    assert len(base64.urlsafe_b64decode(address["url"].rpartition("/")[2] + "=")) * 8 == 256
    assert (address["name"], address["events"], address["test_address"]) == ("Try it", ["message.incoming"], True)
    listed = {webhook["id"]: webhook["test_address"] for webhook in account.get("/v1/webhooks").json["data"]}
    assert listed == {address["id"]: True}
    assert account.get(f"/v1/webhooks/{address['id']}/secret").json["secret"] == address["secret"]


def test_nothing_has_to_be_given(account: Api) -> None:
    created = account.call("POST", "/v1/test-addresses")
    assert created.status == 201
    assert (created.json["name"], created.json["events"]) == ("Test address", list(EVENT_TYPES))


def test_it_counts_as_a_webhook_and_leaves_nothing_behind_when_refused(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_WEBHOOKS", "1")
    assert account.post("/v1/test-addresses", {}).status == 201
    before = aws.dynamodb.scan(TableName=aws.config_table)["Count"]
    assert account.post("/v1/test-addresses", {}).status == 409
    assert aws.dynamodb.scan(TableName=aws.config_table)["Count"] == before


def test_what_is_signed_is_stored_exactly_and_shown(account: Api, address: dict[str, Any], clock: Clock) -> None:
    headers = signed(address["secret"], clock.at) | {"User-Agent": "AIsoule/1", "X-Forwarded-For": "192.0.2.1"}
    assert arrive(address, headers).status == 200
    (request,) = requests(account, address)
    assert (request["body"], request["is_base64_encoded"], request["number"]) == (BODY, False, 1)
    assert request["received_at"] == "2026-05-29T10:30:00.000Z"
    assert request["verified"] == ["webhook-signature", "X-Webhook-Signature"]
    shown = request["headers"]
    for name, value in headers.items():
        assert shown.get(name.lower()) == (None if name == "X-Forwarded-For" else value)
    assert not {"host", "x-amzn-trace-id", "x-forwarded-port", "x-forwarded-proto"} & shown.keys()
    # And what is shown verifies again.
    resigned = Webhook(address["secret"]).sign(shown["webhook-id"], clock.at, request["body"])
    assert resigned == shown["webhook-signature"]


def test_bytes_that_are_no_text_are_in_base64(account: Api, address: dict[str, Any], clock: Clock) -> None:
    body = "a\x00b"
    assert arrive(address, signed(address["secret"], clock.at, body), body).status == 200
    (request,) = requests(account, address)
    assert (base64.b64decode(request["body"]), request["is_base64_encoded"]) == (b"a\x00b", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,\u00e9\ud800"},
        {"webhook-id": "evt_2"},
        {"webhook-id": "\ud800"},
        {"webhook-timestamp": "1780050601"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "\u0661"},
    ],
    ids=lambda changes: re.sub(r"[^\w-]+", " ", str(changes), flags=re.ASCII)[:50],
)
def test_anything_else_is_refused_and_not_stored(
    account: Api, address: dict[str, Any], clock: Clock, changes: dict[str, str]
) -> None:
    """Even if X-Webhook-Signature is valid: it covers neither the id nor the time."""
    answer = arrive(address, signed(address["secret"], clock.at) | changes)
    assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert requests(account, address) == []


def test_a_changed_body_is_refused(account: Api, address: dict[str, Any], clock: Clock) -> None:
    assert arrive(address, signed(address["secret"], clock.at), BODY + " ").status == 401
    assert requests(account, address) == []


def test_another_webhooks_signature_is_refused(account: Api, address: dict[str, Any], clock: Clock) -> None:
    """Of the same account, too: who points a webhook of his own at this address gets a 401 from it."""
    other = account.post("/v1/test-addresses", {}).json
    assert arrive(address, signed(other["secret"], clock.at)).status == 401


def test_a_request_of_five_minutes_ago_is_refused(account: Api, address: dict[str, Any], clock: Clock) -> None:
    headers = signed(address["secret"], clock.at)
    clock.at += timedelta(seconds=300)
    assert arrive(address, headers).status == 200
    clock.at += timedelta(seconds=1)
    assert arrive(address, headers).status == 401


def test_the_old_secret_is_good_while_it_overlaps(account: Api, address: dict[str, Any], clock: Clock) -> None:
    rotated = account.post(f"/v1/webhooks/{address['id']}/secret/rotate", {"overlap_seconds": 60}).json
    assert arrive(address, signed(rotated["secret"], clock.at)).status == 200
    assert arrive(address, signed(address["secret"], clock.at)).status == 200
    both = signed(rotated["secret"], clock.at)
    both["webhook-signature"] += " " + Webhook(address["secret"]).sign("evt_1", clock.at, BODY)
    assert arrive(address, both).status == 200
    clock.at += timedelta(seconds=60)
    assert arrive(address, signed(address["secret"], clock.at)).status == 401
    assert arrive(address, signed(rotated["secret"], clock.at)).status == 200


def test_only_the_standard_header_is_enough(account: Api, address: dict[str, Any], clock: Clock) -> None:
    assert arrive(address, signed(address["secret"], clock.at) | {"x-webhook-signature": "0" * 64}).status == 200
    assert requests(account, address)[0]["verified"] == ["webhook-signature"]


def test_an_unknown_address_is_a_404(address: dict[str, Any], clock: Clock) -> None:
    unknown = address | {"url": f"{PUBLIC_URL}/in/{'x' * 43}"}
    refused = arrive(unknown, signed(address["secret"], clock.at))
    assert (refused.status, refused.json["detail"]) == (404, "there is no such address")
    assert Api().get(str(address["url"]).removeprefix(PUBLIC_URL)).status == 405


def test_64_kib_are_the_most(account: Api, address: dict[str, Any], clock: Clock) -> None:
    for size, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
        body = "x" * size
        assert arrive(address, signed(address["secret"], clock.at, body), body).status == status
    assert [len(request["body"]) for request in requests(account, address)] == [64 * 1024]


@pytest.mark.long
def test_the_last_hundred_are_kept(account: Api, aws: Aws, address: dict[str, Any], clock: Clock) -> None:
    for number in range(1, 104):
        assert arrive(address, signed(address["secret"], clock.at, event_id=f"evt_{number}")).status == 200
    found, cursor = [], ""
    while True:
        query = {"limit": "20"} | ({"cursor": cursor} if cursor else {})
        page = account.get(f"/v1/webhooks/{address['id']}/requests", **query).json
        found += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert [request["number"] for request in found] == list(range(103, 3, -1))
    assert [request["headers"]["webhook-id"] for request in found] == [f"evt_{n}" for n in range(103, 3, -1)]
    stored = aws.dynamodb.scan(TableName=aws.log_table)["Items"]
    assert len([item for item in stored if item["pk"]["S"].startswith("INBOX#")]) == 100


def test_what_came_after_a_request_is_asked_for_by_its_number(
    account: Api, address: dict[str, Any], clock: Clock
) -> None:
    for number in range(1, 6):
        arrive(address, signed(address["secret"], clock.at, event_id=f"evt_{number}"))
    assert [request["number"] for request in requests(account, address, after="3")] == [5, 4]
    assert requests(account, address, after="5") == []
    assert requests(account, address, after="9" * 30) == []
    whole = account.get(f"/v1/webhooks/{address['id']}/requests", after="1", limit="4").json
    assert ([request["number"] for request in whole["data"]], whole["next_cursor"]) == ([5, 4, 3, 2], None)
    first = account.get(f"/v1/webhooks/{address['id']}/requests", after="1", limit="3").json
    assert [request["number"] for request in first["data"]] == [5, 4, 3]
    rest = requests(account, address, after="1", limit="3", cursor=first["next_cursor"])
    assert [request["number"] for request in rest] == [2]
    assert account.get(f"/v1/webhooks/{address['id']}/requests", cursor="MA").status == 400


def test_a_day_is_the_longest(account: Api, aws: Aws, address: dict[str, Any], clock: Clock) -> None:
    arrive(address, signed(address["secret"], clock.at))
    clock.at += timedelta(hours=24, milliseconds=-1)
    assert len(requests(account, address)) == 1
    clock.at += timedelta(milliseconds=1)
    assert requests(account, address) == []
    (item,) = [i for i in aws.dynamodb.scan(TableName=aws.log_table)["Items"] if i["pk"]["S"].startswith("INBOX#")]
    assert int(item["expires_at"]["N"]) == int(clock.at.timestamp())


def test_others_find_nothing_and_other_webhooks_have_none(
    api: Api, account: Api, address: dict[str, Any], clock: Clock
) -> None:
    arrive(address, signed(address["secret"], clock.at))
    assert api.of_account("other").get(f"/v1/webhooks/{address['id']}/requests").status == 404
    plain = {"name": "Plain", "url": "https://localhost:8443/in/x", "events": ["message.incoming"]}
    mine = account.post("/v1/webhooks", plain).json
    assert mine["test_address"] is False
    assert account.get(f"/v1/webhooks/{mine['id']}/requests").status == 404


def test_a_deleted_webhook_takes_its_address_with_it(
    account: Api, aws: Aws, address: dict[str, Any], clock: Clock
) -> None:
    assert account.call("DELETE", f"/v1/webhooks/{address['id']}").status == 204
    assert arrive(address, signed(address["secret"], clock.at)).status == 404
    items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    assert [item for item in items if item["pk"]["S"].startswith("INBOX#")] == []


def test_what_arrives_while_the_webhook_is_deleted_is_not_stored(
    account: Api, aws: Aws, address: dict[str, Any]
) -> None:
    """Its signature was verified with the webhook as it was read a moment before."""
    webhook = config_table().webhook("acme", address["id"])
    assert account.call("DELETE", f"/v1/webhooks/{address['id']}").status == 204
    with pytest.raises(NotFound, match=r"^there is no such address$"):
        inboxes().store(webhook, {}, b"{}", [])
    assert aws.dynamodb.scan(TableName=aws.log_table)["Items"] == []
    assert inboxes().newest(webhook, after=0, before=None, limit=1) == ([], None)


def test_a_request_that_was_counted_and_could_not_be_stored_is_left_out(
    account: Api, address: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as failing:
        failing.setattr(client("dynamodb"), "put_item", fail)
        assert arrive(address, signed(address["secret"], clock.at)).status == 500
    assert arrive(address, signed(address["secret"], clock.at)).status == 200
    assert [request["number"] for request in requests(account, address)] == [2]


def test_a_webhook_that_points_elsewhere_by_now_is_no_test_address(account: Api, address: dict[str, Any]) -> None:
    moved = account.call("PATCH", f"/v1/webhooks/{address['id']}", {"url": "https://localhost:8443/hook"})
    assert (moved.status, moved.json["test_address"]) == (200, False)


@pytest.mark.parametrize("own", [{"X_Api_Key": "s3cret"}, {}], ids=["still set", "removed in the meantime"])
def test_the_customers_own_headers_are_masked(
    account: Api, address: dict[str, Any], clock: Clock, own: dict[str, str]
) -> None:
    account.call("PATCH", f"/v1/webhooks/{address['id']}", {"headers": own})
    secrets = {"X-Api-Key": "s3cret", "Authorization": "Bearer s3cret"}
    assert arrive(address, signed(address["secret"], clock.at) | secrets).status == 200
    (request,) = requests(account, address)
    assert "s3cret" not in json.dumps(request)
    assert request["headers"]["x-api-key"] == request["headers"]["authorization"] == "••••••••"


def test_neither_the_address_nor_what_arrives_is_in_the_log(
    account: Api, address: dict[str, Any], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    arrive(address, signed(address["secret"], clock.at))
    arrive(address, signed(address["secret"], clock.at) | {"webhook-signature": "v1,AAAA"})
    lines = [vars(record) for record in caplog.records if vars(record).get("route") == "/in/<token>"]
    assert [(line["status"], line["webhook_id"]) for line in lines] == [(200, address["id"]), (401, address["id"])]
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert address["url"].rpartition("/")[2] not in logged
    assert "message.incoming" not in logged


def test_one_request_costs_four_calls_and_an_empty_poll_writes_nothing(
    account: Api, address: dict[str, Any], clock: Clock
) -> None:
    arrive(address, signed(address["secret"], clock.at))
    with aws_calls() as calls:
        arrive(address, signed(address["secret"], clock.at))
    assert sorted(calls.elements()) == ["GetItem", "GetItem", "PutItem", "UpdateItem"]
    with aws_calls() as calls:
        assert requests(account, address, after="2") == []
    assert set(calls) == {"GetItem"}
