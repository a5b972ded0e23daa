from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.api_client import Api
from tests.integration.conftest import Aws

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming", "message.read"]}


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


def test_a_created_webhook_is_shown_with_its_secret_once(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID)
    assert created.status == 201
    webhook = created.json
    assert webhook["secret"].startswith("whsec_")
    assert {name: webhook[name] for name in VALID} == VALID
    assert (webhook["status"], webhook["failing_since"], webhook["failing_reason"]) == ("active", None, None)
    shown = account.get(f"/v1/webhooks/{webhook['id']}").json
    assert shown == {name: value for name, value in webhook.items() if name != "secret"}
    assert account.get("/v1/webhooks").json == {"data": [shown], "next_cursor": None}
    assert account.get(f"/v1/webhooks/{webhook['id']}/secret").json == {"secret": webhook["secret"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"name": None}, "name"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://u:p@example.com/"}, "url"),
        ({"url": "https://example.com/" + "x" * 2048}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.incoming", "message.incoming"]}, "events"),
        ({"events": ["message.*"]}, "events.0"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"Content_Length": "5"}}, "headers"),
        ({"headers": {"X_Webhook_Signature": "x"}}, "headers"),
        ({"headers": {"X-Key": "a", "x_key": "b"}}, "headers"),
        ({"headers": {"X-Original-Host": "x"}}, "headers"),
        ({"headers": {"webhook-id": "x"}}, "headers"),
        ({"headers": {"X-Key": "a\r\nb"}}, "headers"),
        ({"headers": {f"X-{n}": "v" for n in range(11)}}, "headers"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_input_is_refused_at_its_field(account: Api, method: str, change: dict[str, Any], field: str) -> None:
    created = account.post("/v1/webhooks", VALID).json
    path, body = ("/v1/webhooks", VALID | change) if method == "POST" else (f"/v1/webhooks/{created['id']}", change)
    refused = account.call(method, path, body)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
    assert [webhook["url"] for webhook in account.get("/v1/webhooks").json["data"]] == [VALID["url"]]


def test_a_patch_changes_only_what_it_names(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}}).json
    path = f"/v1/webhooks/{created['id']}"
    patched = account.call("PATCH", path, {"name": "Renamed"}).json
    assert patched["name"] == "Renamed"
    same = set(VALID) - {"name"} | {"status", "created_at"}
    assert {name: patched[name] for name in same} == {name: created[name] for name in same}
    assert account.get(f"{path}/secret").json["secret"] == created["secret"]
    assert account.call("PATCH", path, {}).json == account.get(path).json


def test_header_values_are_masked_everywhere(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}})
    answers = [created, account.get("/v1/webhooks"), account.get(f"/v1/webhooks/{created.json['id']}")]
    assert all("s3cret" not in answer.text and "X-Api-Key" in answer.text for answer in answers)


def test_disabling_and_enabling(account: Api, aws: Aws) -> None:
    path = f"/v1/webhooks/{account.post('/v1/webhooks', VALID).json['id']}"
    assert account.call("PATCH", path, {"name": "Renamed"}).status == 200
    assert aws.messages(aws.signals_queue) == []
    assert account.call("PATCH", path, {"enabled": False}).json["status"] == "disabled"
    (told,) = [json.loads(message["Body"]) for message in aws.messages(aws.signals_queue)]
    assert (told["source"], told["detail-type"]) == ("aisoule.webhooks", "webhook.disabled")
    assert (told["detail"]["account_id"], told["detail"]["webhook_id"]) == ("acme", path.split("/")[-1])
    assert account.call("PATCH", path, {"enabled": True}).json["status"] == "active"


@pytest.mark.parametrize("with_etag", [True, False])
def test_what_the_bus_did_not_take_is_told_when_the_call_is_repeated(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch, with_etag: bool
) -> None:
    """With one and the same id, however often it is told."""
    from webhooks import signals

    created = account.post("/v1/webhooks", VALID)
    path = created.headers["Location"]
    headers = {"if-match": created.headers["ETag"]} if with_etag else {}

    def disable() -> int:
        return account.call("PATCH", path, {"enabled": False}, headers=headers).status

    def refuse(*_: object) -> None:
        raise signals.NotTold("InternalFailure")

    with monkeypatch.context() as refusing:
        refusing.setattr(signals, "tell", refuse)
        assert disable() == 500
    assert [disable(), disable()] == ([412, 412] if with_etag else [200, 200])
    told = [json.loads(message["Body"])["detail"]["id"] for message in aws.messages(aws.signals_queue)]
    assert (len(told), len(set(told))) == (2, 1)
    account.call("PATCH", path, {"enabled": True})
    account.call("PATCH", path, {"enabled": False})
    (again,) = [json.loads(message["Body"])["detail"]["id"] for message in aws.messages(aws.signals_queue)]
    assert again not in told


def test_a_deleted_webhook_is_gone(account: Api) -> None:
    path = f"/v1/webhooks/{account.post('/v1/webhooks', VALID).json['id']}"
    deleted = account.call("DELETE", path)
    assert (deleted.status, deleted.text) == (204, "")
    assert [account.get(path).status, account.call("DELETE", path).status] == [404, 404]
    assert account.get("/v1/webhooks").json["data"] == []


def test_the_limit_is_refused_clearly_and_freed_by_deleting(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_WEBHOOKS", "3")
    made = [account.post("/v1/webhooks", VALID) for _ in range(4)]
    assert [answer.status for answer in made] == [201, 201, 201, 409]
    assert "3 webhooks" in made[3].json["detail"]
    account.call("DELETE", f"/v1/webhooks/{made[0].json['id']}")
    assert account.post("/v1/webhooks", VALID).status == 201


def test_paging_shows_each_webhook_once(account: Api) -> None:
    made = {account.post("/v1/webhooks", VALID).json["id"] for _ in range(7)}
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = account.get("/v1/webhooks", limit="3", **({"cursor": cursor} if cursor else {})).json
        seen += [webhook["id"] for webhook in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == sorted(made)
    assert not cursor


@pytest.mark.parametrize("cursor", ["x", "%%%", "QUNDT1VOVCNvdGhlcg", "", "eyJwayI6ICJhIn0"])
def test_a_cursor_that_was_not_given_out_is_a_400(account: Api, cursor: str) -> None:
    refused = account.get("/v1/webhooks", cursor=cursor)
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ("null", 400),
        ("", 400),
        ('{"name":' * 100_000, 400),
        (json.dumps(VALID)[:-1] + ',"x":' + "[" * 50_000 + "]" * 50_000 + "}", 400),
    ],
)
def test_a_body_that_is_no_json_object(account: Api, body: str, status: int) -> None:
    refused = account.call("POST", "/v1/webhooks", text=body)
    assert (refused.status, refused.headers["Content-Type"]) == (status, "application/problem+json")


def test_another_content_type_is_a_415(account: Api) -> None:
    assert account.call("POST", "/v1/webhooks", VALID, headers={"content-type": "text/xml"}).status == 415
