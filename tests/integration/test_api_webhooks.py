from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline
from webhooks.clients import client
from webhooks.times import now

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
    failing = {name: webhook[name] for name in ("failing_since", "failing_reason", "failing_code")}
    assert (webhook["status"], failing) == ("active", dict.fromkeys(failing))
    shown = account.get(f"/v1/webhooks/{webhook['id']}").json
    assert shown == {name: value for name, value in webhook.items() if name not in ("secret", "url_warning")}
    assert account.get("/v1/webhooks").json == {"data": [shown], "next_cursor": None}
    secret = {"secret": webhook["secret"], "previous_expires_at": None}
    assert account.get(f"/v1/webhooks/{webhook['id']}/secret").json == secret


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": " \u2060\ufeff \u3164"}, "name"),
        ({"name": "\U000e0061"}, "name"),
        ({"name": "\U0001d173 \U0001bca0\U000e01ef"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"name": None}, "name"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://u:p@example.com/"}, "url"),
        ({"url": "https://example.com/" + "x" * 2048}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.incoming", "message.incoming"]}, "events"),
        ({"events": ["message.*"]}, "events[0]"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"Content_Length": "5"}}, "headers"),
        ({"headers": {"X_Webhook_Signature": "x"}}, "headers"),
        ({"headers": {"X-Key": "a", "x_key": "b"}}, "headers"),
        ({"headers": {"X-Original-Host": "x"}}, "headers"),
        ({"headers": {"Proxy": "http://203.0.113.1"}}, "headers"),
        ({"headers": {"X-Rewrite-URL": "/admin"}}, "headers"),
        ({"headers": {"X_Rewrite_Url": "/admin"}}, "headers"),
        ({"headers": {"True-Client-IP": "127.0.0.1"}}, "headers"),
        ({"headers": {"true_client_ip": "127.0.0.1"}}, "headers"),
        ({"headers": {"CF-Connecting-IP": "127.0.0.1"}}, "headers"),
        ({"headers": {"CF_Connecting_IP": "127.0.0.1"}}, "headers"),
        ({"headers": {"X-Client-IP": "127.0.0.1"}}, "headers"),
        ({"headers": {"X_Client_IP": "127.0.0.1"}}, "headers"),
        ({"headers": {"X-Key": "••••••••"}}, "headers"),
        ({"headers": {"webhook-id": "x"}}, "headers"),
        ({"headers": {"X-Key": "a\r\nb"}}, "headers"),
        ({"headers": {f"X-{n}": "v" for n in range(11)}}, "headers"),
        ({"max_per_second": 0}, "max_per_second"),
        ({"max_per_second": 1001}, "max_per_second"),
        ({"max_per_second": 2.5}, "max_per_second"),
        ({"max_per_second": "20"}, "max_per_second"),
        ({"secret": "whsec_mine"}, "secret"),
        ({"whatsapp_account_ids": "uuid"}, "whatsapp_account_ids"),
        ({"whatsapp_account_ids": ["uuid", "uuid"]}, "whatsapp_account_ids"),
        ({"whatsapp_account_ids": [f"{n}" for n in range(21)]}, "whatsapp_account_ids"),
        ({"whatsapp_account_ids": [""]}, "whatsapp_account_ids[0]"),
        ({"whatsapp_account_ids": ["uuid", "a, b"]}, "whatsapp_account_ids[1]"),
        ({"whatsapp_account_ids": ["x" * 257]}, "whatsapp_account_ids[0]"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_input_is_refused_at_its_field(account: Api, method: str, change: dict[str, Any], field: str) -> None:
    created = account.post("/v1/webhooks", VALID).json
    path, body = ("/v1/webhooks", VALID | change) if method == "POST" else (f"/v1/webhooks/{created['id']}", change)
    refused = account.call(method, path, body)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
    assert [webhook["url"] for webhook in account.get("/v1/webhooks").json["data"]] == [VALID["url"]]


def test_a_host_that_does_not_resolve_is_saved_with_a_warning(account: Api) -> None:
    warning = "the host name nowhere.invalid does not resolve; until it does, every delivery fails"
    created = account.post("/v1/webhooks", VALID | {"url": "https://nowhere.invalid/hook"})
    assert (created.status, created.json["url_warning"]) == (201, warning)
    path = created.headers["Location"]
    assert "url_warning" not in account.get(path).json
    assert account.call("PATCH", path, {"name": "Renamed"}).json["url_warning"] is None
    assert account.call("PATCH", path, {"url": "https://nowhere.invalid/other"}).json["url_warning"] == warning
    assert account.call("PATCH", path, {"url": VALID["url"]}).json["url_warning"] is None


def test_a_patch_changes_only_what_it_names(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}}).json
    path = f"/v1/webhooks/{created['id']}"
    patched = account.call("PATCH", path, {"name": "Renamed"}).json
    assert patched["name"] == "Renamed"
    same = set(VALID) - {"name"} | {"status", "created_at"}
    assert {name: patched[name] for name in same} == {name: created[name] for name in same}
    assert account.get(f"{path}/secret").json["secret"] == created["secret"]
    assert account.call("PATCH", path, {}).json == account.get(path).json | {"url_warning": None}


def test_the_whatsapp_accounts_can_be_chosen_and_all_again(account: Api, aws: Aws) -> None:
    created = account.post("/v1/webhooks", VALID | {"whatsapp_account_ids": ["sales", "support"]}).json
    path = f"/v1/webhooks/{created['id']}"
    assert account.get(path).json["whatsapp_account_ids"] == ["sales", "support"]
    assert account.call("PATCH", path, {"name": "Renamed"}).json["whatsapp_account_ids"] == ["sales", "support"]
    assert account.call("PATCH", path, {"whatsapp_account_ids": []}).json["whatsapp_account_ids"] == []
    assert account.post("/v1/webhooks", VALID).json["whatsapp_account_ids"] == []


def test_a_pace_is_set_and_removed(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"max_per_second": 20}).json
    path = f"/v1/webhooks/{created['id']}"
    assert created["max_per_second"] == account.get(path).json["max_per_second"] == 20
    assert account.call("PATCH", path, {"name": "Renamed"}).json["max_per_second"] == 20
    assert account.call("PATCH", path, {"max_per_second": 1000.0}).json["max_per_second"] == 1000
    assert account.call("PATCH", path, {"max_per_second": None}).json["max_per_second"] is None
    assert account.get(path).json["max_per_second"] is None
    assert account.post("/v1/webhooks", VALID).json["max_per_second"] is None


def test_header_values_are_masked_everywhere(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}})
    answers = [created, account.get("/v1/webhooks"), account.get(f"/v1/webhooks/{created.json['id']}")]
    assert all("s3cret" not in answer.text and "X-Api-Key" in answer.text for answer in answers)


@pytest.mark.parametrize(
    "url", ["https://localhost:9443/hook", "https://127.0.0.1:8443/hook", "https://localhost/hook"]
)
def test_headers_never_follow_the_url_to_another_origin_by_themselves(account: Api, url: str) -> None:
    """Their values are masked: whoever may only edit must not learn them by having them sent to a server of theirs."""
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}})
    path = created.headers["Location"]
    refused = account.call("PATCH", path, {"url": url})
    assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["headers"])
    assert "must be given again when the URL's origin changes" in refused.json["detail"]
    assert account.get(path).json["url"] == VALID["url"]
    masked = account.get(path).json["headers"]
    assert account.call("PATCH", path, {"url": url, "headers": masked}).status == 422
    assert account.call("PATCH", path, {"url": url, "headers": {"X-Api-Key": "s3cret"}}).status == 200
    assert account.call("PATCH", path, {"url": VALID["url"], "headers": {}}).json["headers"] == {}
    assert account.call("PATCH", path, {"url": url}).status == 200, "without headers there is nothing to protect"


def test_single_headers_are_changed_without_the_others(account: Api, aws: Aws) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret", "X-Old": "o", "X-Third": "t"}})
    path = created.headers["Location"]

    def stored() -> dict[str, str]:
        return Pipeline(aws).config.webhook("acme", created.json["id"]).headers

    changed = account.call("PATCH", path, {"header_changes": {"x_api_key": "new", "X-Old": None, "X-Unknown": None}})
    assert (changed.status, set(changed.json["headers"])) == (200, {"x_api_key", "X-Third"})
    assert stored() == {"x_api_key": "new", "X-Third": "t"}
    both = {"headers": {"X-A": "a", "X-B": "b"}, "header_changes": {"X-B": None, "X-C": "c"}}
    assert account.call("PATCH", path, both).status == 200
    assert stored() == {"X-A": "a", "X-C": "c"}
    ten = {f"X-{number}": "v" for number in range(10)}
    assert account.call("PATCH", path, {"headers": ten}).status == 200
    others = {f"Y-{number}": "v" for number in range(10)}
    assert account.call("PATCH", path, {"header_changes": dict.fromkeys(ten) | others}).status == 200
    assert stored() == others
    account.call("PATCH", path, {"headers": {"X-A": "a", "X-C": "c"}})
    many = {f"X-{number}": "v" for number in range(9)}
    refused = account.call("PATCH", path, {"header_changes": many})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "header_changes")
    assert stored() == {"X-A": "a", "X-C": "c"}


def test_another_origin_needs_every_header_to_be_changed(account: Api) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret", "X-Old": "o"}})
    path = created.headers["Location"]
    moved = {"url": "https://localhost:9443/hook"}
    for changes in ({"X-Api-Key": "new"}, {"X-Old": None}, {"X-New": "n"}, {}):
        refused = account.call("PATCH", path, moved | {"header_changes": changes})
        assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["headers"])
    taken = account.call("PATCH", path, moved | {"header_changes": {"X-Api-Key": "new", "x_old": None}})
    assert (taken.status, list(taken.json["headers"])) == (200, ["X-Api-Key"])


@pytest.mark.parametrize(
    "changes", [{"Host": "x"}, {"Host": None}, {"X-Key": "é"}, {"X-Key": "a", "x_key": None}, {"": "x"}]
)
def test_header_changes_are_checked_as_headers_are(account: Api, changes: dict[str, Any]) -> None:
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    refused = account.call("PATCH", path, {"header_changes": changes})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "header_changes")


def test_header_changes_do_not_undo_what_somebody_else_does_meanwhile(
    aws: Aws, account: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}})
    look_up = socket.getaddrinfo

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        Pipeline(aws).config.edit_webhook("acme", created.json["id"], {"headers": {"X-Theirs": "t"}})
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", meanwhile)
    both = {"url": VALID["url"], "header_changes": {"X-Api-Key": "mine"}}
    assert account.call("PATCH", created.headers["Location"], both).status == 409
    assert list(account.get(created.headers["Location"]).json["headers"]) == ["X-Theirs"]


@pytest.mark.parametrize("url", ["https://localhost:8443/other?page=1", "https://LOCALHOST:8443/hook"])
def test_headers_stay_while_the_origin_stays(account: Api, url: str) -> None:
    path = account.post("/v1/webhooks", VALID | {"headers": {"X-Api-Key": "s3cret"}}).headers["Location"]
    assert list(account.call("PATCH", path, {"url": url}).json["headers"]) == ["X-Api-Key"]


def test_headers_that_are_added_while_the_origin_changes_do_not_follow(
    aws: Aws, account: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = account.post("/v1/webhooks", VALID)
    look_up = socket.getaddrinfo

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        Pipeline(aws).config.edit_webhook("acme", created.json["id"], {"headers": {"X-Api-Key": "s3cret"}})
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", meanwhile)
    refused = account.call("PATCH", created.headers["Location"], {"url": "https://localhost:9443/hook"})
    assert refused.status == 409
    assert account.get(created.headers["Location"]).json["url"] == VALID["url"]


def test_disabling_and_enabling(account: Api, aws: Aws) -> None:
    path = f"/v1/webhooks/{account.post('/v1/webhooks', VALID).json['id']}"
    assert account.call("PATCH", path, {"name": "Renamed"}).status == 200
    assert emitted(aws, "webhook.disabled") == []
    assert account.call("PATCH", path, {"enabled": False}).json["status"] == "disabled"
    (disabled,) = emitted(aws, "webhook.disabled")
    assert disabled["source"] == "aisoule.webhooks"
    assert (disabled["detail"]["account_id"], disabled["detail"]["webhook_id"]) == ("acme", path.split("/")[-1])
    assert account.call("PATCH", path, {"enabled": True}).json["status"] == "active"


def emitted(aws: Aws, name: str) -> list[dict[str, Any]]:
    """The operational events of that name since the last call, which takes the others, too."""
    events = [json.loads(message["Body"]) for message in aws.messages(aws.operational_events_queue)]
    return [event for event in events if event["detail-type"] == name]


def disabled_ids(aws: Aws) -> list[str]:
    return [event["detail"]["id"] for event in emitted(aws, "webhook.disabled")]


@pytest.mark.parametrize("with_etag", [True, False])
def test_what_the_bus_did_not_take_is_emitted_when_the_call_is_repeated(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch, with_etag: bool
) -> None:
    """Once: a call that is refused for its `If-Match`, or repeated after the event was emitted, emits nothing."""
    created = account.post("/v1/webhooks", VALID)
    path = created.headers["Location"]
    headers = {"if-match": created.headers["ETag"]} if with_etag else {}

    def refuse(**_: object) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}

    with monkeypatch.context() as refusing:
        refusing.setattr(client("events"), "put_events", refuse)
        assert account.call("PATCH", path, {"enabled": False}, headers=headers).status == 503
    if with_etag:
        assert account.call("PATCH", path, {"enabled": False}, headers=headers).status == 412
        assert disabled_ids(aws) == []
        headers = {"if-match": account.get(path).headers["ETag"]}
    assert account.call("PATCH", path, {"enabled": False}, headers=headers).status == 200
    (first,) = disabled_ids(aws)
    assert account.call("PATCH", path, {"enabled": False}).status == 200
    assert disabled_ids(aws) == []
    account.call("PATCH", path, {"enabled": True})
    account.call("PATCH", path, {"enabled": False})
    (again,) = disabled_ids(aws)
    assert again != first


@pytest.mark.parametrize("raises", [True, False])
def test_a_webhook_is_disabled_although_that_could_not_be_emitted(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    """What the account subscribes to is published; `webhook.disabled` is not."""
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    put_events = client("events").put_events

    def refuse(**request: Any) -> Any:
        if request["Entries"][0]["DetailType"] != "webhook.disabled":
            return put_events(**request)
        if raises:
            raise ReadTimeoutError(endpoint_url="https://events")
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}

    with monkeypatch.context() as refusing:
        refusing.setattr(client("events"), "put_events", refuse)
        answer = account.call("PATCH", path, {"enabled": False})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json["detail"].startswith("the webhook is disabled, but `webhook.disabled` could not be published")
    assert account.get(path).json["status"] == "disabled"
    assert disabled_ids(aws) == []
    assert account.call("PATCH", path, {"enabled": False}).status == 200
    assert len(disabled_ids(aws)) == 1


def test_an_event_whose_emission_was_not_recorded_is_emitted_again_with_the_same_id(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    dynamodb = client("dynamodb")
    update_item = dynamodb.update_item

    def crash_at_the_record(**request: Any) -> Any:
        if "disabled#" in str(request["Key"]):
            raise RuntimeError
        return update_item(**request)

    with monkeypatch.context() as crashing:
        crashing.setattr(dynamodb, "update_item", crash_at_the_record)
        assert account.call("PATCH", path, {"enabled": False}).status == 500
    assert account.call("PATCH", path, {"enabled": False}).status == 200
    first, second = disabled_ids(aws)
    assert first == second


@pytest.mark.long
def test_switching_a_webhook_on_and_off_does_not_flood_the_bus(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks import rate_limits

    at = now().replace(second=5)
    monkeypatch.setattr(rate_limits, "now", lambda: at)
    paths = [account.post("/v1/webhooks", VALID).headers["Location"] for _ in range(2)]
    answers = [account.call("PATCH", paths[0], {"enabled": number % 2 == 1}) for number in range(30)]
    assert [answer.status for answer in answers[:20]] == [200] * 20
    assert {answer.status for answer in answers[20::2]} == {429}
    assert answers[20].headers["Retry-After"] == "55"
    assert account.get(paths[0]).json["status"] == "active"
    assert len(disabled_ids(aws)) == 10
    assert account.call("PATCH", paths[1], {"enabled": False}).status == 200


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
        ('{"name":' * 16_000, 400),
        ('{"name":' * 100_000, 413),
        (json.dumps(VALID)[:-1] + ',"x":' + "[" * 50_000 + "]" * 50_000 + "}", 400),
    ],
)
def test_a_body_that_is_no_json_object(account: Api, body: str, status: int) -> None:
    refused = account.call("POST", "/v1/webhooks", text=body)
    assert (refused.status, refused.headers["Content-Type"]) == (status, "application/problem+json")


def test_another_content_type_is_a_415(account: Api) -> None:
    assert account.call("POST", "/v1/webhooks", VALID, headers={"content-type": "text/xml"}).status == 415
