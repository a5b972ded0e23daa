"""The config table's own rules: the counter, edits that touch only their fields, pages that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Aws, Clock
from webhooks.config_table import ConfigTable
from webhooks.conflicts import transact
from webhooks.errors import Conflict, LimitReached, NotFound
from webhooks.item_keys import webhook_key
from webhooks.models import Webhook, new_id
from webhooks.stored_events import StoredEvent, Subscription
from webhooks.webhook_lists import WebhookLists
from webhooks.webhook_marks import WebhookMarks

AT = "2026-05-29T10:30:00.000Z"


def webhook(id: str = "wh_1", account_id: str = "acme", **values: Any) -> Webhook:
    made = Webhook(
        id=id, account_id=account_id, name="hook", url="https://example.com/", events=["message.read"], status="active",
        secret="whsec_c2VjcmV0", created_at=AT, updated_at=AT, headers={"X-Api-Key": "k"},
    )  # fmt: skip
    return replace(made, **values)


@pytest.fixture
def table(aws: Aws) -> ConfigTable:
    return ConfigTable(aws.dynamodb, aws.config_table)


@pytest.fixture
def lists(aws: Aws) -> WebhookLists:
    return WebhookLists(aws.dynamodb, aws.config_table)


def count(table: ConfigTable, aws: Aws, account_id: str = "acme") -> int:
    key = {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "COUNT"}}
    return int(aws.dynamodb.get_item(TableName=aws.config_table, Key=key)["Item"]["webhooks"]["N"])


@pytest.mark.long
def test_the_101st_is_refused_and_the_counter_tells_the_truth(table: ConfigTable, aws: Aws) -> None:
    for number in range(100):
        table.create_webhook(webhook(f"wh_{number:03}"), limit=100)
    with pytest.raises(LimitReached, match="100"):
        table.create_webhook(webhook("wh_100"), limit=100)
    table.create_webhook(webhook(account_id="other"), limit=100)
    assert count(table, aws) == 100
    table.delete_webhook("acme", "wh_000")
    with pytest.raises(NotFound):
        table.delete_webhook("acme", "wh_000")
    assert count(table, aws) == 99
    table.create_webhook(webhook("wh_100"), limit=100)


@pytest.mark.parametrize(("size", "pages"), [(1, [1, 1, 1, 1]), (2, [2, 2]), (3, [3, 1]), (4, [4]), (5, [4])])
def test_pages_are_full_and_the_last_one_says_so(
    table: ConfigTable, lists: WebhookLists, aws: Aws, size: int, pages: list[int]
) -> None:
    for number in range(4):
        table.create_webhook(webhook(f"wh_{number}"), limit=100)
    table.create_webhook(webhook("wh_2x", account_id="acme2"), limit=100)
    read: list[int] = []
    aws.dynamodb.meta.events.register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"]))
    seen: list[list[str]] = []
    after = None
    while not seen or after:
        page, after = lists.page("acme", limit=size, after=after)
        assert len(seen) < len(pages), "it goes round in circles"
        seen.append([found.id for found in page])
    assert [len(page) for page in seen] == pages
    assert sorted(id for page in seen for id in page) == ["wh_0", "wh_1", "wh_2", "wh_3"]
    assert max(read) <= size + 1, "one more tells whether there is a next page"


def test_a_page_goes_on_where_it_stopped_although_that_webhook_is_gone(table: ConfigTable, lists: WebhookLists) -> None:
    for number in range(4):
        table.create_webhook(webhook(f"wh_{number}"), limit=100)
    page, after = lists.page("acme", limit=2)
    table.delete_webhook("acme", page[-1].id)
    rest, _ = lists.page("acme", limit=2, after=after)
    assert [found.id for found in rest] == ["wh_2", "wh_3"]


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100),
        "url": st.just("https://example.org/new"),
        "events": st.just(["contact.created"]),
        "headers": st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.just("v")),
        "status": st.sampled_from(["active", "disabled"]),
        "failing_since": st.none(),
        "updated_at": st.just("2027-01-01T00:00:00.000Z"),
    },
)  # fmt: skip


@pytest.mark.long
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=CHANGES)
def test_an_edit_touches_only_its_own_fields(table: ConfigTable, changes: dict[str, Any]) -> None:
    before = webhook(new_id("wh"), status="failing", failing_since=AT, failing_reason="answered 500")
    table.create_webhook(before, limit=1000)
    edited = table.edit_webhook("acme", before.id, changes)
    assert edited == replace(before, **changes, version=2) == table.webhook("acme", before.id)


def test_an_edit_never_brings_back_what_was_deleted(table: ConfigTable, lists: WebhookLists) -> None:
    table.create_webhook(webhook(), limit=100)
    table.delete_webhook("acme", "wh_1")
    with pytest.raises(NotFound):
        table.edit_webhook("acme", "wh_1", {"name": "x"})
    assert lists.page("acme", limit=10) == ([], None)


def test_an_accounts_subscriptions_are_read_without_its_secrets(
    table: ConfigTable, lists: WebhookLists, aws: Aws
) -> None:
    table.create_webhook(webhook("wh_1"), limit=100)
    table.create_webhook(webhook("wh_2", status="failing"), limit=100)
    table.create_webhook(webhook("wh_3", status="disabled"), limit=100)
    table.create_webhook(webhook("wh_4", events=["contact.created"]), limit=100)
    table.create_webhook(webhook("wh_5", account_id="acme2"), limit=100)
    read: list[dict[str, Any]] = []
    aws.dynamodb.meta.events.register("after-call.dynamodb.Query", lambda parsed, **_: read.extend(parsed["Items"]))
    event = StoredEvent("acme", "evt_1", "message.read", "{}", AT)
    wants = {subscription.webhook_id: subscription.wants(event) for subscription in lists.subscriptions("acme")}
    assert wants == {"wh_1": True, "wh_2": True, "wh_3": False, "wh_4": False}
    assert {name for item in read for name in item} == {"id", "status", "events", "whatsapp_account_ids"}


def test_a_subscription_has_the_webhooks_lane_and_its_pace(table: ConfigTable, lists: WebhookLists, aws: Aws) -> None:
    table.create_webhook(webhook("wh_1", slow_since=AT, max_per_second=5), limit=100)
    table.create_webhook(webhook("wh_2", whatsapp_account_ids=["sales"]), limit=100)
    # The first is of a version that had no such filter.
    aws.dynamodb.update_item(
        TableName=aws.config_table, Key=webhook_key("acme", "wh_1"), UpdateExpression="REMOVE whatsapp_account_ids"
    )
    assert lists.subscriptions("acme") == [
        Subscription("wh_1", frozenset({"message.read"}), True, "retry", max_per_second=5),
        Subscription("wh_2", frozenset({"message.read"}), True, "delivery", frozenset({"sales"})),
    ]


class Conflicts:
    """DynamoDB's answer to a write that meets another transaction, as often as told. moto has none."""

    def __init__(self, aws: Aws, operation: str, code: str, times: int, reasons: list[str]) -> None:
        self.asked = 0
        self._times = times
        self._error = {
            "Error": {"Code": code, "Message": "conflict"},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
            "ResponseMetadata": {},
        }
        aws.dynamodb.meta.events.register(f"before-call.dynamodb.{operation}", self._answer)

    def _answer(self, **_: Any) -> tuple[Any, dict[str, Any]] | None:
        self.asked += 1
        return (AWSResponse("", 400, HTTPHeaders(), None), self._error) if self.asked <= self._times else None


def test_two_at_once_are_both_served(table: ConfigTable, aws: Aws) -> None:
    Conflicts(aws, "TransactWriteItems", "TransactionCanceledException", 3, ["None", "TransactionConflict"])
    table.create_webhook(webhook(), limit=100)
    assert count(table, aws) == 1


def test_an_edit_beside_a_transaction_is_made(table: ConfigTable, aws: Aws) -> None:
    table.create_webhook(webhook(), limit=100)
    Conflicts(aws, "UpdateItem", "TransactionConflictException", 2, [])
    assert table.edit_webhook("acme", "wh_1", {"name": "new"}).name == "new"


def test_it_does_not_try_for_ever(table: ConfigTable, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it wait longer than a call of the API may take, however often the dice fall high."""
    pauses: list[tuple[float, float]] = []
    monkeypatch.setattr("webhooks.conflicts.random.uniform", lambda low, high: pauses.append((low, high)))
    monkeypatch.setattr("webhooks.conflicts.time.sleep", lambda _: None)
    met = Conflicts(aws, "TransactWriteItems", "TransactionCanceledException", 99, ["None", "TransactionConflict"])
    with pytest.raises(ClientError):
        table.create_webhook(webhook(), limit=100)
    assert met.asked == 5
    assert pauses == [(0, 0.05), (0, 0.1), (0, 0.2), (0, 0.4)]


def test_only_a_conflict_is_tried_again(table: ConfigTable, aws: Aws) -> None:
    met = Conflicts(aws, "TransactWriteItems", "TransactionCanceledException", 99, ["ValidationError", "None"])
    with pytest.raises(ClientError):
        table.create_webhook(webhook(), limit=100)
    assert met.asked == 1


def test_a_transaction_is_made_whole_or_not_at_all(aws: Aws) -> None:
    def put(id: str, **condition: str) -> dict[str, Any]:
        return {"Put": {"TableName": aws.config_table, "Item": webhook_key("acme", id), **condition}}

    new = put("wh_1", ConditionExpression="attribute_not_exists(pk)")
    assert transact(aws.dynamodb, new)
    assert not transact(aws.dynamodb, put("wh_2"), new)
    assert aws.dynamodb.scan(TableName=aws.config_table)["Count"] == 1
    Conflicts(aws, "TransactWriteItems", "TransactionCanceledException", 99, ["ValidationError", "None"])
    with pytest.raises(ClientError):
        transact(aws.dynamodb, put("wh_2"))


def test_what_refuses_a_deletion_is_raised(table: ConfigTable, aws: Aws) -> None:
    table.create_webhook(webhook(), limit=100)
    Conflicts(aws, "TransactWriteItems", "TransactionCanceledException", 99, ["TransactionConflict", "None"])
    with pytest.raises(ClientError):
        table.delete_webhook("acme", "wh_1")


def test_an_id_is_given_once(table: ConfigTable, aws: Aws) -> None:
    table.create_webhook(webhook(), limit=100)
    with pytest.raises(ClientError):
        table.create_webhook(webhook(name="another"), limit=100)
    assert (table.webhook("acme", "wh_1").name, count(table, aws)) == ("hook", 1)


def test_who_is_refused_is_told_why(table: ConfigTable) -> None:
    unknown = "^there is no such webhook$"
    with pytest.raises(NotFound, match=unknown):
        table.webhook("acme", "wh_1")
    with pytest.raises(NotFound, match=unknown):
        table.edit_webhook("acme", "wh_1", {"name": "x"})
    with pytest.raises(NotFound, match=unknown):
        table.delete_webhook("acme", "wh_1", version=1)
    table.create_webhook(webhook(), limit=1)
    with pytest.raises(LimitReached, match=r"^the account has 1 webhooks, which is its limit; delete one first$"):
        table.create_webhook(webhook("wh_2"), limit=1)
    changed = "^the webhook was changed by another call at the same moment; read it and try again$"
    with pytest.raises(Conflict, match=changed):
        table.edit_webhook("acme", "wh_1", {"name": "x"}, unchanged={"name": "another"})
    with pytest.raises(Conflict, match=changed):
        table.rotate_secret(webhook(secret="whsec_YW5vdGhlcg"), "whsec_bmV3", previous_expires_at=None, at=AT)
    with pytest.raises(Conflict, match=changed):
        table.delete_webhook("acme", "wh_1", version=2)
    assert table.webhook("acme", "wh_1") == webhook()


@pytest.fixture
def answer_is_lost(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each update: the SDK makes it again."""
    real = aws.dynamodb.update_item

    def repeated(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(aws.dynamodb, "update_item", repeated)


@pytest.mark.usefixtures("answer_is_lost")
@pytest.mark.parametrize("until", [None, "2026-05-30T10:30:00.000Z"])
def test_a_rotation_whose_answer_is_lost_is_no_conflict(table: ConfigTable, until: str | None) -> None:
    """Whoever rotated once more, because of a conflict, would revoke the secret in use."""
    table.create_webhook(webhook(), limit=100)
    table.rotate_secret(webhook(), "whsec_bmV3", previous_expires_at=until, at=AT)
    stored = table.webhook("acme", "wh_1")
    assert (stored.secret, stored.previous_secret, stored.version) == (
        "whsec_bmV3",
        webhook().secret if until else None,
        2,
    )


@pytest.mark.usefixtures("answer_is_lost")
def test_an_edit_of_a_version_whose_answer_is_lost_is_no_conflict(table: ConfigTable) -> None:
    table.create_webhook(webhook(), limit=100)
    changes = {"name": "new", "headers": {"X-A": "b"}, "events": ["message.sent"], "failing_since": None}
    edited = table.edit_webhook("acme", "wh_1", changes, unchanged={"version": 1})
    assert (edited.name, edited.headers, edited.events, edited.version) == ("new", {"X-A": "b"}, ["message.sent"], 2)
    assert edited == table.webhook("acme", "wh_1")


def test_the_same_edit_of_an_older_version_is_a_conflict(table: ConfigTable) -> None:
    """Though all that it would change is so already."""
    table.create_webhook(webhook(version=3, name="new"), limit=100)
    for version in (1, 4):
        with pytest.raises(Conflict):
            table.edit_webhook("acme", "wh_1", {"name": "new"}, unchanged={"version": version})


@pytest.mark.parametrize("until", [None, "2026-05-30T10:30:00.000Z"])
def test_the_secret_before_is_kept_only_while_it_signs(table: ConfigTable, until: str | None) -> None:
    table.create_webhook(webhook(), limit=100)
    at = "2026-05-29T11:30:00.000Z"
    table.rotate_secret(webhook(), "whsec_bmV3", previous_expires_at=until, at=at)
    stored = table.webhook("acme", "wh_1")
    assert (stored.secret, stored.previous_expires_at, stored.updated_at) == ("whsec_bmV3", until, at)
    assert stored.previous_secret == (webhook().secret if until else None)


def test_a_page_that_dynamodb_ends_early_has_a_next_one(
    table: ConfigTable, lists: WebhookLists, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 1 MB; here at one item."""
    for number in range(3):
        table.create_webhook(webhook(f"wh_{number}"), limit=100)
    real = aws.dynamodb.query
    monkeypatch.setattr(aws.dynamodb, "query", lambda **request: real(**request | {"Limit": 1}))
    first, after = lists.page("acme", limit=3)
    second, _ = lists.page("acme", limit=3, after=after)
    assert [found.id for found in (*first, *second)] == ["wh_0", "wh_1"]


def test_the_id_of_a_deleted_webhook_is_kept_for_400_days(table: ConfigTable, aws: Aws, clock: Clock) -> None:
    table.create_webhook(webhook(), limit=100)
    table.delete_webhook("acme", "wh_1", version=1)
    key = {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "DELETED#wh_1"}}
    left = aws.dynamodb.get_item(TableName=aws.config_table, Key=key)["Item"]
    assert left == key | {"expires_at": {"N": str(int((clock.at + timedelta(days=400)).timestamp()))}}


@pytest.mark.parametrize(("inbox", "writes"), [(None, 3), ("0f", 4)])
def test_a_test_address_is_written_and_deleted_where_there_is_one(
    table: ConfigTable, aws: Aws, inbox: str | None, writes: int
) -> None:
    """Each write in a transaction is paid twice, and meets those of others on the same item."""
    made: list[int] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        made.append(len(params["TransactItems"]))

    aws.dynamodb.meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", see)
    table.create_webhook(webhook(inbox=inbox), limit=100)
    table.delete_webhook("acme", "wh_1", inbox=inbox)
    assert made == [writes - 1, writes]
    left = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    assert {item["sk"]["S"] for item in left} == {"COUNT", "DELETED#wh_1"}


@pytest.mark.parametrize("meanwhile", [{"failing_since": "2026-05-29T11:00:00.000Z"}, {"status": "disabled"}, None])
def test_a_recovery_that_was_overtaken_changes_nothing(
    table: ConfigTable, lists: WebhookLists, aws: Aws, meanwhile: dict[str, Any] | None
) -> None:
    """The webhook failed anew, or was disabled or deleted."""
    failing = webhook(status="failing", failing_since=AT, failing_reason="answered 500")
    table.create_webhook(failing, limit=100)
    if meanwhile:
        table.edit_webhook("acme", "wh_1", meanwhile)
    else:
        table.delete_webhook("acme", "wh_1")
    before = lists.page("acme", limit=10)
    WebhookMarks(aws.dynamodb, aws.config_table).mark_active(failing)
    assert lists.page("acme", limit=10) == before


def test_a_webhook_that_was_deleted_meanwhile_is_in_no_lane(aws: Aws) -> None:
    marks = WebhookMarks(aws.dynamodb, aws.config_table)
    assert not marks.mark_lane(webhook(), "retry", AT)
    assert not marks.mark_lane(webhook(slow_since=AT), "delivery", AT)
