"""`ETag` and `If-Match`: two people who edit one webhook."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api_client import Answer, Api
from tests.integration.conftest import Aws
from tests.integration.pipeline import Pipeline, failures
from tests.integration.test_api_webhooks import emitted
from webhooks.clients import client
from webhooks.item_keys import webhook_key
from webhooks.rate_limits import DISABLINGS
from webhooks.times import now, rfc3339

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture
def created(account: Api) -> Answer:
    return account.post("/v1/webhooks", VALID)


@pytest.fixture
def path(created: Answer) -> str:
    return str(created.headers["Location"])


def edit(account: Api, path: str, changes: Any, if_match: str | None) -> Answer:
    return account.call("PATCH", path, changes, headers={"if-match": if_match} if if_match is not None else {})


def test_the_second_of_two_edits_is_told_of_the_first(account: Api, created: Answer, path: str) -> None:
    read = created.headers["ETag"]
    assert account.get(path).headers["ETag"] == read
    first = edit(account, path, {"name": "Anna's"}, read)
    assert first.status == 200
    assert first.headers["ETag"] == account.get(path).headers["ETag"] != read
    second = edit(account, path, {"name": "Ben's"}, read)
    assert (second.status, second.json["title"]) == (412, "Precondition Failed")
    assert account.get(path).json["name"] == "Anna's"
    assert edit(account, path, {"name": "Ben's"}, first.headers["ETag"]).status == 200


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("PATCH", "", {"name": "Ben's"}),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/secret/rotate", {}),
    ],
)
def test_an_edit_in_the_very_moment_between_reading_and_writing_is_seen(
    aws: Aws, account: Api, created: Answer, monkeypatch: pytest.MonkeyPatch, method: str, below: str, body: Any
) -> None:
    path, read = created.headers["Location"], created.headers["ETag"]
    key, dynamodb = webhook_key("acme", created.json["id"]), client("dynamodb")
    get_item = dynamodb.get_item

    def overtaken(**request: Any) -> Any:
        answer = get_item(**request)
        if request["Key"] == key:
            monkeypatch.setattr(dynamodb, "get_item", get_item)
            Pipeline(aws).config.edit_webhook("acme", created.json["id"], {"name": "Anna's"})
        return answer

    monkeypatch.setattr(dynamodb, "get_item", overtaken)
    assert account.call(method, path + below, body, headers={"if-match": read}).status == 412
    left = account.get(path).json
    assert (left["name"], left["status"]) == ("Anna's", "active")
    assert account.get(f"{path}/secret").json["secret"] == created.json["secret"]
    assert emitted(aws, "webhook.disabled") == []


def test_a_stale_edit_that_disables_emits_nothing_and_counts_for_nothing(aws: Aws, account: Api, path: str) -> None:
    for _ in range(DISABLINGS + 1):
        assert edit(account, path, {"enabled": False}, '"0"').status == 412
    assert emitted(aws, "webhook.disabled") == []
    assert edit(account, path, {"enabled": False}, '"1"').status == 200
    assert len(emitted(aws, "webhook.disabled")) == 1


def test_a_webhook_is_deleted_only_as_it_was_read(account: Api, created: Answer, path: str) -> None:
    read = created.headers["ETag"]
    edited = edit(account, path, {"name": "Anna's"}, None).headers["ETag"]
    assert account.call("DELETE", path, headers={"if-match": read}).status == 412
    assert account.get(path).status == 200
    assert account.call("DELETE", path, headers={"if-match": edited}).status == 204
    assert account.get(path).status == 404
    assert account.call("DELETE", path, headers={"if-match": edited}).status == 404


@pytest.mark.parametrize("if_match", [None, "*", '"0", "1"', ' "1" ', '"1"'])
def test_what_matches(account: Api, path: str, if_match: str | None) -> None:
    assert edit(account, path, {"name": "New"}, if_match).status == 200


@pytest.mark.parametrize(("if_match", "status"), [('"0"', 412), ('W/"1"', 412), ("1", 400), ("", 400), ('"1', 400)])
def test_what_does_not_match(account: Api, path: str, if_match: str, status: int) -> None:
    refused = edit(account, path, {"name": "New"}, if_match)
    assert (refused.status, account.get(path).json["name"]) == (status, "Orders")


def test_a_status_that_changes_by_itself_is_no_edit(aws: Aws, account: Api) -> None:
    pipeline = Pipeline(aws)
    pipeline.webhook("https://localhost:1/")
    read = account.get("/v1/webhooks/wh_1").headers["ETag"]
    message = pipeline.message(accepted_at=rfc3339(now()))
    pipeline.logged(message, status="retrying", attempts=failures(4))
    pipeline.process_dead_letters(message)
    assert account.get("/v1/webhooks/wh_1").json["status"] == "failing"
    assert edit(account, "/v1/webhooks/wh_1", {"url": "https://localhost:2/"}, read).status == 200
    assert account.get("/v1/webhooks/wh_1").json["status"] == "failing"


def test_a_rotation_is_an_edit(account: Api, created: Answer, path: str) -> None:
    rotated = account.post(f"{path}/secret/rotate", {})
    assert edit(account, path, {"name": "New"}, created.headers["ETag"]).status == 412
    assert edit(account, path, {"name": "New"}, rotated.headers["ETag"]).status == 200


def test_a_rotation_whose_answer_was_lost_is_not_made_again(aws: Aws, account: Api, created: Answer, path: str) -> None:
    """A second one would revoke the only secret that the customer's server has."""
    headers = {"if-match": created.headers["ETag"]}
    rotated = account.call("POST", f"{path}/secret/rotate", headers=headers)
    assert account.call("POST", f"{path}/secret/rotate", headers=headers).status == 412
    left = Pipeline(aws).stored(created.json["id"])
    assert (left.previous_secret, left.secret) == (created.json["secret"], rotated.json["secret"])
    assert account.get(f"{path}/secret").json == rotated.json
