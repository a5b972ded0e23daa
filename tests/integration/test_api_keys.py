"""What an account's keys are for, and when they were last used: what somebody who revokes one must know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from webhooks.clients import client
from webhooks.errors import NotFound
from webhooks.key_table import KeyTable


@pytest.fixture
def platform(api: Api) -> Api:
    return api.of_platform()


def mint(platform: Api, **more: Any) -> Any:
    return platform.post("/v1/api-keys", {"account_id": "acme", **more}).json


def listed(platform: Api) -> Any:
    """The account's only key."""
    (key,) = platform.get("/v1/api-keys", account_id="acme").json["data"]
    return key


def at(monkeypatch: pytest.MonkeyPatch, day: int, hour: int = 12) -> None:
    """Calls are made on this day of May 2026 from now on."""
    from api import access

    monkeypatch.setattr(access, "now", lambda: datetime(2026, 5, day, hour, 30, tzinfo=UTC))


@contextmanager
def updates_fail(*numbers: int) -> Iterator[None]:
    """DynamoDB throttles these of the updates made within, counted from 1."""
    made: list[str] = []

    def fail(model: Any, **_: Any) -> Any:
        made.append(model.name)
        answer = {
            "Error": {"Code": "ProvisionedThroughputExceededException", "Message": "fault"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        return (AWSResponse("", 400, HTTPHeaders(), None), answer) if len(made) in numbers else None

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb.UpdateItem", fail)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.UpdateItem", fail)


def test_a_label_tells_keys_apart(platform: Api) -> None:
    labelled, plain = mint(platform, label="  CRM connector "), mint(platform)
    assert re.fullmatch(r"key_[0-9a-f]{32}\.[\w-]{43}", plain["key"], re.ASCII), "256 bits of it are secret"
    assert (labelled["label"], plain["label"]) == ("CRM connector", None)
    shown = {key["id"]: key["label"] for key in platform.get("/v1/api-keys", account_id="acme").json["data"]}
    assert shown == {labelled["id"]: "CRM connector", plain["id"]: None}


@pytest.mark.parametrize("label", ["", " ", "\u200b", "two\nlines", "x" * 101, 7, ["CRM"]])
def test_a_label_that_nobody_can_read_is_refused_at_its_field(platform: Api, label: Any) -> None:
    refused = platform.post("/v1/api-keys", {"account_id": "acme", "label": label})
    assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["label"])
    assert platform.get("/v1/api-keys", account_id="acme").json["data"] == []


def test_the_day_of_the_last_call_is_kept_by_two_writes_a_day(platform: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Api(mint(platform)["key"])
    assert listed(platform)["last_used_on"] is None
    for day, hour, updates in ((29, 0, 2), (29, 23, 0), (30, 0, 2)):
        at(monkeypatch, day, hour)
        with aws_calls() as calls:
            assert account.get("/v1/webhooks").status == 200
        assert calls["UpdateItem"] == updates
        assert listed(platform)["last_used_on"] == f"2026-05-{day}"


def test_a_refused_call_is_a_use_and_a_wrong_secret_is_none(platform: Api) -> None:
    minted = mint(platform)
    assert Api(f"{minted['id']}.wrong").get("/v1/webhooks").status == 401
    assert listed(platform)["last_used_on"] is None
    assert Api(minted["key"]).post("/v1/portal-sessions", {"account_id": "acme"}).status == 403
    assert listed(platform)["last_used_on"] is not None


def test_of_platform_keys_which_nobody_lists_nothing_is_kept(platform: Api) -> None:
    with aws_calls() as calls:
        platform.get("/v1/event-types")
    assert calls["UpdateItem"] == 0


@pytest.mark.parametrize("fails", [1, 2])
def test_what_could_not_be_recorded_fails_no_call_and_is_recorded_by_the_next(
    platform: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: int
) -> None:
    minted = mint(platform)
    account = Api(minted["key"])
    at(monkeypatch, 29)
    with updates_fail(fails):
        assert account.get("/v1/webhooks").status == 200
    (line,) = [record for record in caplog.records if record.getMessage() == "key.use_not_recorded"]
    assert vars(line)["key_id"] == minted["id"]
    assert line.exc_info, "the log has the reason"
    with aws_calls() as calls:
        assert account.get("/v1/webhooks").status == 200
    assert calls["UpdateItem"] == 2
    assert listed(platform)["last_used_on"] == "2026-05-29"


def test_a_call_does_not_bring_a_revoked_key_back(platform: Api) -> None:
    """It was authenticated a moment before."""
    from webhooks.key_table import key_table
    from webhooks.times import now

    token = mint(platform)["key"]
    key = key_table().authenticate(token, now())
    assert key is not None
    assert platform.call("DELETE", f"/v1/api-keys/{key.id}").status == 204
    key_table().mark_used(key, now())
    assert Api(token).get("/v1/webhooks").status == 401
    assert platform.get("/v1/api-keys", account_id="acme").json["data"] == []


@pytest.fixture
def table(aws: Aws) -> KeyTable:
    return KeyTable(aws.dynamodb, aws.config_table)


AT = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_each_key_is_on_one_page_and_one_that_has_expired_on_none(table: KeyTable, aws: Aws, size: int) -> None:
    read: list[int] = []
    aws.dynamodb.meta.events.register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"]))
    times = [None, AT, AT + timedelta(milliseconds=1)]
    minted = [table.mint("account", "acme", expires_at=expires_at)[0].id for expires_at in times]
    table.mint("account", "other")
    expired, by_id = minted[1], sorted(minted)
    pages = [[id for id in by_id[start : start + size] if id != expired] for start in range(0, len(by_id), size)]
    seen: list[list[str]] = []
    after = None
    while not seen or after:
        page, after = table.of_account("acme", AT, limit=size, after=after)
        assert len(seen) < len(pages), "it goes round in circles"
        seen.append([key.id for key in page])
    assert seen == pages
    assert max(read) <= size + 1, "one more tells whether there is a next page"


def test_dynamodb_deletes_what_has_expired(table: KeyTable, aws: Aws) -> None:
    """By a time in seconds since 1970."""
    key, _ = table.mint("account", "acme", expires_at=AT)
    table.mint("account", "acme")
    items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    expires = [item["expires_at"]["N"] for item in items if "expires_at" in item]
    assert expires == [str(int(AT.timestamp()))] * 2, "the key, and its entry in the list"
    assert key.expires_at == "2026-05-29T10:30:00.000Z"


def test_who_revokes_a_key_that_is_not_there_is_told_so(table: KeyTable) -> None:
    with pytest.raises(NotFound, match=r"^there is no such key$"):
        table.revoke("key_1")


def test_a_platform_key_has_one_item_and_an_accounts_another_in_its_list(table: KeyTable, aws: Aws) -> None:
    writes: list[int] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        writes.append(len(params["TransactItems"]))

    aws.dynamodb.meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", see)
    table.revoke(table.mint("platform")[0].id)
    table.revoke(table.mint("account", "acme")[0].id)
    assert writes == [1, 1, 2, 2]
    assert aws.dynamodb.scan(TableName=aws.config_table)["Count"] == 0


def test_an_accounts_keys_are_revoked_a_few_at_a_time(
    table: KeyTable, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.key_table._REVOKED", 2)
    for _ in range(3):
        table.mint("account", "acme")
    other = table.mint("account", "other")[0]
    assert [table.revoke_all("acme") for _ in range(3)] == [2, 1, 0]
    assert [key.id for key in table.of_account("other", AT, limit=9)[0]] == [other.id]
    assert aws.dynamodb.scan(TableName=aws.config_table)["Count"] == 2
