"""`account.subscriptions_changed` and `GET /v1/subscriptions`: what a publisher need not publish."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from examples.publisher import Subscribers
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from webhooks.clients import client
from webhooks.item_keys import subscriptions_key
from webhooks.subscription_changes import subscription_changes
from webhooks.times import now

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}
BOTH = ["contact.created", "message.incoming"]


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


def emitted(aws: Aws) -> list[dict[str, Any]]:
    """The details since the last call, in the order of their versions; each once."""
    events = [json.loads(message["Body"]) for message in aws.messages(aws.operational_events_queue)]
    changes = [event for event in events if event["detail-type"] == "account.subscriptions_changed"]
    assert {event["source"] for event in changes} <= {"aisoule.webhooks"}
    return sorted((event["detail"] for event in changes), key=lambda detail: detail["version"])


def read(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.of_platform().get("/v1/subscriptions", account_id="acme").json
    return answer


def test_each_change_emits_what_the_account_subscribes_to(account: Api, aws: Aws) -> None:
    created = account.post("/v1/webhooks", VALID)
    path = created.headers["Location"]
    versions = [0]

    def last() -> list[str]:
        details = emitted(aws)
        assert {detail["account_id"] for detail in details} == {"acme"}
        assert len({detail["id"] for detail in details}) == len(details)
        assert details[0]["version"] > versions[-1]
        versions.append(details[-1]["version"])
        events: list[str] = details[-1]["events"]
        assert read(account) == {"account_id": "acme", "version": versions[-1], "events": events}
        return events

    assert last() == ["message.incoming"]
    assert account.call("PATCH", path, {"events": BOTH[::-1]}).status == 200
    assert last() == BOTH
    assert account.call("PATCH", path, {"enabled": False}).status == 200
    assert last() == []
    assert account.call("PATCH", path, {"events": ["message.read"]}).status == 200
    assert last() == []
    assert account.call("PATCH", path, {"enabled": True}).status == 200
    assert last() == ["message.read"]
    other = account.post("/v1/webhooks", VALID | {"events": ["message.read", "message.sent"]}).headers["Location"]
    assert last() == ["message.read", "message.sent"]
    assert account.call("DELETE", other).status == 204
    assert last() == ["message.read"]
    assert account.call("DELETE", path).status == 204
    assert last() == []


def test_other_changes_emit_nothing(account: Api, aws: Aws) -> None:
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    emitted(aws)
    assert account.call("PATCH", path, {"name": "n", "url": "https://localhost:8443/other"}).status == 200
    assert account.post(f"{path}/secret/rotate", {}).status == 200
    assert emitted(aws) == []


def test_an_account_that_never_had_a_webhook_subscribes_to_nothing(account: Api) -> None:
    assert read(account) == {"account_id": "acme", "version": 0, "events": []}


def test_what_is_added_is_emitted_before_it_is_there(account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the first events would be skipped, and all of them if the process ended in between."""
    written: list[str] = []
    for call in ("transact_write_items", "update_item"):
        real = getattr(client("dynamodb"), call)

        def write(real: Any = real, **request: Any) -> Any:
            if "WEBHOOK#" in str(request):
                written.extend(*[detail["events"] for detail in emitted(aws)][-1:])
            return real(**request)

        monkeypatch.setattr(client("dynamodb"), call, write)
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    assert written == ["message.incoming"]
    account.call("PATCH", path, {"enabled": False})
    emitted(aws)
    written.clear()
    account.call("PATCH", path, {"enabled": True})
    assert written == ["message.incoming"]
    emitted(aws)
    written.clear()
    account.call("PATCH", path, {"events": BOTH})
    assert written == BOTH


@pytest.mark.parametrize("raises", [True, False])
def test_what_cannot_be_announced_is_not_added(
    account: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, raises: bool
) -> None:
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    account.call("PATCH", path, {"enabled": False})

    def refuse(**_: object) -> dict[str, Any]:
        if raises:
            raise ReadTimeoutError(endpoint_url="https://events")
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}

    monkeypatch.setattr(client("events"), "put_events", refuse)
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/v1/webhooks", VALID),
        ("POST", "/v1/test-addresses", None),
        ("PATCH", path, {"enabled": True}),
        ("PATCH", path, {"events": BOTH}),
    ]
    for method, called, body in calls:
        answer = account.call(method, called, body)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json["detail"].startswith("nothing was changed, because the change could not be announced")
    (left,) = account.get("/v1/webhooks").json["data"]
    assert (left["status"], left["events"]) == ("disabled", VALID["events"])
    lines = [vars(record) for record in caplog.records if record.getMessage() == "subscriptions.not_emitted"]
    assert [(line["account_id"], line["exc_info"] is None) for line in lines] == [("acme", False)] * len(calls)


def test_a_removal_that_was_not_emitted_is_emitted_when_the_call_is_repeated(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = account.post("/v1/webhooks", VALID).headers["Location"]

    def refuse(**_: object) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}

    with monkeypatch.context() as refusing:
        refusing.setattr(client("events"), "put_events", refuse)
        answer = account.call("PATCH", path, {"enabled": False})
    assert answer.status == 503
    assert answer.json["detail"].startswith("the webhook is changed"), "as the page expects"
    (line,) = [record for record in caplog.records if record.getMessage() == "subscriptions.not_emitted"]
    assert (vars(line)["account_id"], line.exc_info is None) == ("acme", False)
    assert account.get(path).json["status"] == "disabled"
    emitted(aws)
    assert account.call("PATCH", path, {"enabled": False}).status == 200
    assert emitted(aws)[-1]["events"] == []


def test_a_refused_change_ends_as_it_began(account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_WEBHOOKS", "1")
    account.post("/v1/webhooks", VALID)
    assert account.post("/v1/webhooks", VALID | {"events": BOTH}).status == 409
    assert emitted(aws)[-1]["events"] == read(account)["events"] == ["message.incoming"]


def test_what_was_announced_and_broken_off_counts_for_five_minutes(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For so long, nobody knows whether it will still be written."""

    def fail(**_: object) -> None:
        raise TimeoutError

    at = now().replace(microsecond=0)
    monkeypatch.setattr("webhooks.subscription_changes.now", lambda: at)
    with monkeypatch.context() as failing:
        failing.setattr(client("dynamodb"), "transact_write_items", fail)
        assert account.post("/v1/webhooks", VALID).status == 500
    path = account.post("/v1/webhooks", VALID | {"events": ["contact.created"]}).headers["Location"]
    assert emitted(aws)[-1]["events"] == read(account)["events"] == BOTH
    at += timedelta(seconds=299)
    assert read(account)["events"] == BOTH
    at += timedelta(seconds=1)
    assert read(account)["events"] == ["contact.created"]
    assert account.call("PATCH", path, {"enabled": True}).status == 200
    item = aws.dynamodb.get_item(TableName=aws.config_table, Key=subscriptions_key("acme"))["Item"]
    assert item.keys() == {"pk", "sk", "version"}, "announcements are removed"


def test_an_erased_accounts_announcements_are_forgotten_and_its_version_is_not(
    account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as failing:
        failing.setattr(client("dynamodb"), "transact_write_items", fail)
        for _ in range(2):
            assert account.post("/v1/webhooks", VALID).status == 500
    before = read(account)
    assert before["events"] == ["message.incoming"]
    for account_id in ("acme", "nobody"):
        subscription_changes().forget(account_id)
    keys = [subscriptions_key(account_id) for account_id in ("acme", "nobody")]
    found = [aws.dynamodb.get_item(TableName=aws.config_table, Key=key).get("Item") for key in keys]
    assert found == [keys[0] | {"version": {"N": str(before["version"] + 1)}}, None]


def test_a_publisher_that_keeps_the_highest_version_skips_what_nobody_wants(account: Api, aws: Aws) -> None:
    subscribers = Subscribers(lambda account_id: read(account))
    path = account.post("/v1/webhooks", VALID).headers["Location"]
    for detail in reversed(emitted(aws)):  # EventBridge keeps no order
        subscribers.changed(detail)
    assert [subscribers.wants("acme", event) for event in BOTH] == [False, True]
    account.call("PATCH", path, {"events": BOTH})
    for detail in reversed(emitted(aws)):
        subscribers.changed(detail)
    assert [subscribers.wants("acme", event) for event in BOTH] == [True, True]
    assert Subscribers(lambda account_id: read(account)).wants("acme", "message.read") is False
