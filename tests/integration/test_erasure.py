"""The erasure of an account, until nothing of it is left in either table."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import webhooks.item_keys
from tests.integration.api_client import Answer, Api
from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import Pipeline
from tests.integration.quick_moto import AMAZONS_ENGINE, kept_state, restore
from tests.integration.test_telemetry import metrics, write_lines_too, written
from webhooks.account_items import account_items
from webhooks.clients import client
from webhooks.erasures import Erasure
from webhooks.errors import Conflict
from webhooks.key_table import key_table
from webhooks.stored_events import StoredEvent
from webhooks.tables import config_table, erasures
from webhooks.times import rfc3339
from webhooks.webhook_lists import WebhookLists

EVENT = json.loads((Path(__file__).parent.parent / "events" / "eventbridge.json").read_text())
URL = "https://localhost:1/hook"
DELAY = timedelta(seconds=360)
ERASED, OTHER = "acme", "other"

CONFIG_KINDS = {
    "webhook_key": r"ACCOUNT#\w+/WEBHOOK#\w+",
    "webhook_count_key": r"ACCOUNT#\w+/COUNT",
    "subscriptions_key": r"ACCOUNT#\w+/SUBSCRIPTIONS",
    "deleted_webhook_key": r"ACCOUNT#\w+/DELETED#\w+",
    "account_api_key_key": r"ACCOUNT#\w+/KEY#\w+",
    "api_key_key": r"KEY#\w+/KEY",
    "rate_limit_key": r"LIMIT#\w+/.+",
    "recent_request_key": r"REQUEST#\w+/.+",
    "inbox_key": r"INBOX#\w+/INBOX",
    "notifications_key": r"NOTIFY#\w+/ADDRESS",
    "mailed_key": r"NOTIFY#\w+/MAILED#\w+",
    "mail_count_key": r"NOTIFY#\w+/COUNT#[0-9-]+",
}
LOG_KINDS = {
    "event_key": r"EVENT#\w+#\w+/EVENT",
    "delivery_key": r"WEBHOOK#\w+/[0-9TZ:.-]+#\w+",
    "pace_key": r"PACE#\w+/PACE",
    "catch_up_key": r"PACE#\w+/CATCH_UP",
    "waiting_key": r"PACE#\w+/WAITING#.+",
    "received_key": r"INBOX#\w+/REQUEST#\d\d",
    "erasure_key": r"ERASURE#\w+/ERASURE",
}
KINDS = CONFIG_KINDS | LOG_KINDS
INDEXES = {"unsettled_key", "pending_key"}
"""The same items, in an index."""


def items(aws: Aws) -> dict[str, dict[str, Any]]:
    """All of both tables, by their key."""
    pages = [
        page["Items"]
        for table in (aws.config_table, aws.log_table)
        for page in aws.dynamodb.get_paginator("scan").paginate(TableName=table)
    ]
    return {f"{item['pk']['S']}/{item['sk']['S']}": item for page in pages for item in page}


def kinds(keys: Iterator[str] | set[str]) -> set[str]:
    return {kind for key in keys for kind, pattern in KINDS.items() if re.fullmatch(pattern, key)}


class Account:
    """Has an item of each kind, of webhooks that it has and of one that is deleted."""

    def __init__(self, aws: Aws, clock: Clock, account_id: str) -> None:
        self.id = account_id
        before = set(items(aws))
        self.api = Api().of_account(account_id)
        self.session = Api().of_platform().post("/v1/portal-sessions", {"account_id": account_id}).json["token"]
        self.kept = self._webhook(events=["message.incoming", "message.read"], max_per_second=1, catch_up=True)
        self.deleted = self._webhook()
        self.plain = self._webhook()
        self._fill(aws, clock)
        assert self.api.call("DELETE", f"/v1/webhooks/{self.deleted}").status == 204
        found = items(aws)
        mine = set(found) - before
        assert kinds(mine) | {"subscriptions_key"} == KINDS.keys() - {"erasure_key"}  # which outlives an erasure
        self.deliveries = sum(key.startswith("WEBHOOK#") for key in mine)
        self.keys = {key for key in mine if not self._is_of_platform(found[key])}

    def _is_of_platform(self, item: dict[str, Any]) -> bool:
        return item.get("role") == {"S": "platform"}

    def _webhook(self, **values: Any) -> str:
        body = {"name": "Orders", "url": URL, "events": ["message.incoming"], **values}
        return str(self.api.post("/v1/webhooks", body).json["id"])

    def _fill(self, aws: Aws, clock: Clock) -> None:
        from webhooks.inboxes import inboxes
        from webhooks.notifications import Notifications, notification_table
        from webhooks.tables import catch_ups, config_table, pace

        notification_table().save(self.id, Notifications("ops@customer.example"))
        assert notification_table().reserve(self.id, self.kept)
        assert pace().take(self.kept, 300, 1)
        publish(clock, self.id, *(f"e{number}" for number in range(3)))
        publish(clock, self.id, "waits", event="message.read")
        pipeline = Pipeline(aws)
        pipeline.deliver()
        for webhook_id, status in itertools.product(
            (self.kept, self.deleted, self.plain), ("delivered", "failed", "pending", "retrying")
        ):
            event = event_of(clock, self.id, f"{status}_{webhook_id[-4:]}")
            pipeline.log.put_event_once(event)
            message = pipeline.message(webhook_id, event.event_id, accepted_at=event.accepted_at)
            pipeline.logged(message, account_id=self.id, status=status)
        address = self.api.post("/v1/test-addresses", {}).json
        self.tested = str(address["id"])
        received = config_table().webhook(self.id, self.tested)
        inboxes().store(received, {}, b"{}", [])
        failing = replace(config_table().webhook(self.id, self.kept), status="failing", failing_since=event.accepted_at)
        catch_ups().begin(failing, event.accepted_at)
        assert self.api.post(f"/v1/webhooks/{self.plain}/test", {"event": "message.read"}).status == 202
        assert self.api.call("PATCH", f"/v1/webhooks/{self.plain}", {"enabled": False}).status == 200


def event_of(clock: Clock, account_id: str, event_id: str) -> StoredEvent:
    from webhooks.times import rfc3339

    return StoredEvent(account_id, event_id, "message.incoming", '{"event":"message.incoming"}', rfc3339(clock.at))


def publish(clock: Clock, account_id: str, *event_ids: str, event: str = "message.incoming") -> None:
    from fanout.handler import lambda_handler

    data = EVENT["detail"]["data"]
    events = [{"event": event, "account_id": account_id, "id": id, "data": data} for id in event_ids]
    lambda_handler(EVENT | {"detail-type": "batch", "detail": {"events": events}}, None)


def purge(aws: Aws) -> None:
    """Of the messages of `Account`'s failed attempts."""
    for queue in (aws.delivery_queue, aws.retry_queue):
        aws.sqs.purge_queue(QueueUrl=queue)


def run() -> None:
    from deliver.erase import lambda_handler

    lambda_handler({}, None)


def erase(account_id: str = ERASED) -> Answer:
    return Api().of_platform().call("DELETE", f"/v1/accounts/{account_id}")


def erasure(account_id: str = ERASED) -> Any:
    answer = Api().of_platform().get(f"/v1/accounts/{account_id}/erasure")
    return answer.json if answer.status == 200 else answer.status


def left(aws: Aws, account: Account) -> dict[str, dict[str, Any]]:
    """Whatever names the account, or one of its webhooks, anywhere."""
    words = (account.id, account.kept, account.deleted, account.plain, account.tested)
    return {
        key: item
        for key, item in items(aws).items()
        if key in account.keys or any(word in f"{key} {json.dumps(item, default=repr)}" for word in words)
    }


def assert_erased(aws: Aws, account: Account) -> None:
    found = left(aws, account)
    assert set(found) == {f"ERASURE#{account.id}/ERASURE", f"ACCOUNT#{account.id}/SUBSCRIPTIONS"}
    assert set(found[f"ACCOUNT#{account.id}/SUBSCRIPTIONS"]) == {"pk", "sk", "version"}
    assert erasure(account.id)["state"] == "done"


@pytest.fixture(scope="module")
def filled() -> list[tuple[Account, datetime, dict[str, Any]]]:
    return []


@pytest.fixture
def account(aws: Aws, clock: Clock, filled: list[tuple[Account, datetime, dict[str, Any]]]) -> Account:
    """Filled once and put back: to fill it takes longer than most of the tests."""
    if AMAZONS_ENGINE in os.environ:
        return Account(aws, clock, ERASED)
    if not filled:
        filled.append((Account(aws, clock, ERASED), clock.at, kept_state()))
    account, clock.at, state = filled[0]
    restore(state)
    return account


def test_every_kind_of_item_is_known_here() -> None:
    """Whoever adds one says in `deliver.erase` and docs/erasure.md what becomes of it."""
    made = {name for name, _ in inspect.getmembers(webhooks.item_keys, inspect.isfunction) if name.endswith("_key")}
    assert made == KINDS.keys() | INDEXES


@pytest.mark.long
def test_nothing_of_an_erased_account_is_left_and_all_of_another(aws: Aws, clock: Clock, account: Account) -> None:
    other = Account(aws, clock, OTHER)
    theirs = {key: item for key, item in items(aws).items() if key in other.keys}
    answer = erase()
    assert (answer.status, answer.headers["Location"]) == (202, "/v1/accounts/acme/erasure")
    assert answer.json["state"] == "running"
    assert answer.json["deleted"] == {"keys": 2, "webhooks": 3, "deliveries": 0}
    clock.at += DELAY
    run()
    assert_erased(aws, account)
    assert {key: item for key, item in items(aws).items() if key in other.keys} == theirs
    status = erasure()
    assert status["deleted"] == {"keys": 2, "webhooks": 3, "deliveries": account.deliveries}
    assert status["started_at"] < status["ended_at"]
    assert other.api.get("/v1/webhooks").status == 200


@pytest.mark.long
def test_keys_and_webhooks_are_gone_at_once_and_the_log_when_nothing_writes_it_any_more(
    aws: Aws, clock: Clock, account: Account, sent: list[Any]
) -> None:
    pipeline = Pipeline(aws)
    pipeline.operational_events()
    erase()
    assert account.api.get("/v1/webhooks").status == 401
    assert Api(account.session).get("/v1/session").status == 401
    assert f"NOTIFY#{ERASED}/ADDRESS" not in items(aws), "nobody gets a mail any more"
    emitted = [detail for name, detail in pipeline.operational_events() if name == "account.subscriptions_changed"]
    assert [(detail["account_id"], detail["events"]) for detail in emitted] == [(ERASED, [])]
    sent.clear()
    publish(clock, ERASED, "late")
    assert sent == []
    assert f"EVENT#{ERASED}#late/EVENT" not in items(aws), "nobody wants it"
    clock.at += DELAY - timedelta(seconds=1)
    found = set(left(aws, account))
    assert kinds(found & account.keys) >= LOG_KINDS.keys() - {"erasure_key"}
    run()
    assert set(left(aws, account)) == found
    assert erasure()["state"] == "running"
    clock.at += timedelta(seconds=1)
    run()
    assert_erased(aws, account)


@pytest.mark.long
def test_it_is_written_to_the_log_of_the_function(
    aws: Aws, clock: Clock, account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines_too(monkeypatch)
    erase()
    clock.at += DELAY
    written(capsys)
    run()
    counts = {"keys": 2, "webhooks": 3, "deliveries": account.deliveries}
    assert written(capsys) == [{"message": "account.erased", "account_id": ERASED, **counts}]


def test_repeated_it_is_the_same_erasure_and_after_its_end_another_one(
    aws: Aws, clock: Clock, account: Account
) -> None:
    first = erase().json
    clock.at += timedelta(minutes=1)
    assert erase().json == first
    clock.at += DELAY
    run()
    ended = erasure()["ended_at"]
    again = erase().json
    assert (again["state"], again["ended_at"]) == ("running", None)
    assert again["started_at"] >= ended
    clock.at += DELAY
    run()
    assert_erased(aws, account)


def test_an_account_that_nobody_knows_is_erased_just_the_same(aws: Aws, clock: Clock) -> None:
    assert erasure("nobody") == 404
    assert erase("nobody").status == 202
    run()
    assert erasure("nobody")["state"] == "running", "events that were on their way are stored yet"
    clock.at += DELAY
    run()
    status = erasure("nobody")
    assert (status["state"], status["deleted"]) == ("done", {"keys": 0, "webhooks": 0, "deliveries": 0})
    assert not any("SUBSCRIPTIONS" in key for key in items(aws))


@pytest.mark.long
@pytest.mark.parametrize(("path", "body"), [("/v1/api-keys", {}), ("/v1/portal-sessions", {})])
def test_while_it_is_erased_an_account_gets_no_key(
    aws: Aws, clock: Clock, account: Account, path: str, body: dict[str, Any]
) -> None:
    platform = Api().of_platform()
    erase()
    assert platform.post(path, body | {"account_id": ERASED}).status == 409
    clock.at += DELAY
    run()
    assert platform.post(path, body | {"account_id": ERASED}).status == 201


@pytest.mark.long
def test_a_new_account_of_the_same_id_works_and_is_left_alone(aws: Aws, clock: Clock, account: Account) -> None:
    subscribed = {"account_id": ERASED}
    erase()
    version = Api().of_platform().get("/v1/subscriptions", **subscribed).json["version"]
    clock.at += DELAY
    run()
    clock.at += timedelta(minutes=1)
    new = Account(aws, clock, ERASED)
    assert Api().of_platform().get("/v1/subscriptions", **subscribed).json["version"] > version, (
        "publishers would ignore it"
    )
    theirs = {key: item for key, item in items(aws).items() if key in new.keys}
    clock.at += timedelta(days=1)
    run()
    assert {key: item for key, item in items(aws).items() if key in new.keys} == theirs
    assert new.api.get("/v1/webhooks").status == 200
    # Of its own deleted webhook, deliveries are cancelled as those of every account.
    event = event_of(clock, ERASED, "evt_new")
    pipeline = Pipeline(aws)
    pipeline.log.put_event_once(event)
    purge(aws)
    message = pipeline.message(new.deleted, "evt_new", accepted_at=event.accepted_at)
    assert pipeline.deliver(message) == [False]
    cancelled = pipeline.delivery(message)
    assert cancelled
    assert cancelled.status == "cancelled"
    assert pipeline.log.event(ERASED, "evt_new")


@pytest.mark.long
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("by", ["deliver", "process_dead_letters"])
def test_a_message_that_was_on_its_way_writes_nothing_and_its_event_goes(
    aws: Aws,
    clock: Clock,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by: str,
    ended: bool,
    sent: list[Any],
) -> None:
    write_lines_too(monkeypatch)
    pipeline = Pipeline(aws)
    event = event_of(clock, ERASED, "evt_1")
    message = pipeline.message(account.kept, "evt_1", accepted_at=event.accepted_at, round_started_at=event.accepted_at)
    erase()
    if ended:
        clock.at += DELAY
        run()
    purge(aws)
    pipeline.log.put_event_once(event)  # by a fanout that had read the webhook before
    before = items(aws)
    clock.at += timedelta(minutes=10)
    sent.clear()
    written(capsys)
    assert getattr(pipeline, by)(message) == [False]
    assert sent == []
    lines = written(capsys)
    assert metrics(lines) == {"Cancelled": [1.0]}
    assert [(line["message"], line["event_id"]) for line in lines if "message" in line] == [
        ("delivery.cancelled", "evt_1")
    ]
    assert before.keys() - items(aws).keys() == {"EVENT#acme#evt_1/EVENT"}
    assert items(aws).keys() <= before.keys()
    if not ended:
        run()
    assert_erased(aws, account)


@pytest.mark.long
def test_a_webhook_that_is_created_while_the_account_is_erased_goes_too(
    aws: Aws, clock: Clock, account: Account
) -> None:
    """By a call that was authenticated before its key was revoked. Its log is erased as late as that of the others."""
    pipeline = Pipeline(aws)
    late = replace(pipeline.stored(account.plain), id="wh_later")
    erase()
    pipeline.config.create_webhook(late, limit=100)
    clock.at += DELAY
    run()
    assert erasure()["state"] == "running"
    assert WebhookLists(aws.dynamodb, aws.config_table).page(ERASED, limit=1)[0] == []
    pipeline.logged(pipeline.message("wh_later"))
    clock.at += DELAY - timedelta(seconds=1)
    run()
    assert pipeline.delivery(pipeline.message("wh_later"))
    clock.at += timedelta(seconds=1)
    run()
    assert_erased(aws, account)
    assert not any("wh_later" in key for key in items(aws))


def test_a_key_that_is_minted_while_the_account_is_erased_goes_too(aws: Aws, clock: Clock, account: Account) -> None:
    """What was written by it is looked for a minute later."""
    erase()
    token = key_table().mint("account", ERASED)[1]
    clock.at += DELAY
    run()
    assert Api(token).get("/v1/webhooks").status == 401
    assert erasure()["state"] == "running"
    run()
    assert_erased(aws, account)
    assert erasure()["deleted"]["keys"] == 3


def test_a_webhook_that_somebody_else_deletes_meanwhile_is_not_counted(
    aws: Aws, clock: Clock, account: Account
) -> None:
    deleted: list[str] = []

    def delete_first(params: dict[str, Any], **_: Any) -> None:
        if f"WEBHOOK#{account.kept}" in str(params) and not deleted:
            deleted.append(account.kept)
            config_table().delete_webhook(ERASED, account.kept)

    client("dynamodb").meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", delete_first)
    assert erase().json["deleted"] == {"keys": 2, "webhooks": 2, "deliveries": 0}
    clock.at += DELAY
    run()
    assert_erased(aws, account)


def test_what_a_call_had_announced_to_publishers_is_forgotten(
    aws: Aws, clock: Clock, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as failing:
        failing.setattr(client("dynamodb"), "transact_write_items", fail)
        webhook = {"name": "Orders", "url": URL, "events": ["message.sent"]}
        assert account.api.post("/v1/webhooks", webhook).status == 500
    erase()
    clock.at += DELAY
    run()
    assert_erased(aws, account)


def test_an_account_with_webhooks_is_not_forgotten(account: Account) -> None:
    with pytest.raises(Conflict, match=r"^the account has webhooks$"):
        account_items().forget_count(ERASED)


@pytest.mark.usefixtures("small_pages")
def test_a_step_erases_a_page(account: Account) -> None:
    assert account.deliveries > 3
    assert account_items().delete_deliveries(ERASED, account.deleted) == 3


def test_the_log_of_whoever_waits_longest_is_erased_first(aws: Aws, clock: Clock) -> None:
    for account_id, delay in (("b", 1), ("a", 2), ("c", 3)):
        erasures().begin(account_id, delay=timedelta(milliseconds=delay))
    clock.at += timedelta(milliseconds=2)
    assert erasures().due(limit=9) == ["b", "a"]
    assert erasures().due(limit=1) == ["b"]


def test_what_is_over_counts_nothing_more(aws: Aws, clock: Clock) -> None:
    erasures().begin(ERASED, delay=DELAY)
    erasures().finish(ERASED)
    ended = erasures().read(ERASED)
    erasures().count(ERASED, "deliveries", 1)
    assert erasures().read(ERASED) == ended == Erasure(ERASED, rfc3339(clock.at), rfc3339(clock.at))
    forgotten = clock.at + timedelta(days=30)
    item = items(aws)[f"ERASURE#{ERASED}/ERASURE"]
    assert item["expires_at"] == {"N": str(int(forgotten.timestamp()))}, "longer than messages are on a queue"


def test_an_erasure_is_of_what_was_accepted_before_it_ended() -> None:
    ended = Erasure(ERASED, "2026-05-29T10:30:00.000Z", "2026-05-29T10:36:00.000Z")
    assert ended.covers("2026-05-29T10:36:00.000Z")
    assert not ended.covers("2026-05-29T10:36:00.001Z")
    assert replace(ended, ended_at=None).covers("2026-05-29T10:36:00.001Z")


class Killed(BaseException):
    """Of a process: no handler of exceptions sees it."""


@contextmanager
def killed(moment: str, number: int) -> Iterator[Callable[[], bool]]:
    """At the AWS call of that number: before it, or when it is made and its answer is lost. Yields whether it came."""
    calls = itertools.count(1)
    reached: list[bool] = []

    def hook(**_: Any) -> None:
        if next(calls) == number:
            reached.append(True)
            raise Killed

    names = [f"{moment}.{service}" for service in ("dynamodb", "events")]
    used = [client("dynamodb"), client("events")]
    for one, name in zip(used, names, strict=True):
        one.meta.events.register(name, hook)
    try:
        yield lambda: bool(reached)
    finally:
        for one, name in zip(used, names, strict=True):
            one.meta.events.unregister(name, hook)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are more steps to be cut off at."""
    import webhooks.account_items
    import webhooks.key_table

    monkeypatch.setattr(webhooks.account_items, "_PAGE", 3)
    monkeypatch.setattr(webhooks.key_table, "_REVOKED", 1)


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_function_that_is_cut_off_goes_on_where_it_was(aws: Aws, clock: Clock, account: Account, moment: str) -> None:
    """Each time one call to AWS later, until it gets through."""
    erase()
    clock.at += DELAY
    assert cut_off_until_done(run, moment, clock) > 15, "there are more places than that to be cut off at"
    assert_erased(aws, account)


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_call_that_is_cut_off_is_repeated(aws: Aws, clock: Clock, account: Account, moment: str) -> None:
    assert cut_off_until_done(erase, moment, clock) > 8
    assert account.api.get("/v1/webhooks").status == 401
    clock.at += DELAY
    run()
    assert_erased(aws, account)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before-call", "after-call"])
@pytest.mark.parametrize("number", [4, 6, 8, 10, 12])  # the first three are of the key and of what is begun
def test_a_call_that_is_cut_off_and_not_repeated_is_made_up_for(
    aws: Aws, clock: Clock, account: Account, number: int, moment: str
) -> None:
    with killed(moment, number) as reached, suppress(Killed):
        erase()
    assert reached()
    for _ in range(3):
        clock.at += DELAY
        run()
    assert_erased(aws, account)


def cut_off_until_done(work: Callable[[], object], moment: str, clock: Clock) -> int:
    for number in itertools.count(1):
        with killed(moment, number) as reached, suppress(Killed):
            work()
        if not reached():
            return number
        clock.at += timedelta(milliseconds=1)
    raise AssertionError


def test_what_dynamodb_leaves_unprocessed_is_deleted_again(
    aws: Aws, clock: Clock, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = client("dynamodb")
    real = dynamodb.batch_write_item
    asked: list[int] = []
    deleted: list[str] = []

    def half(**request: Any) -> Any:
        ((table, deletes),) = request["RequestItems"].items()
        asked.append(len(deletes))
        now, later = deletes[: (len(deletes) + 1) // 2], deletes[(len(deletes) + 1) // 2 :]
        real(RequestItems={table: now})
        deleted.extend(key for key in map(str, now) if "WEBHOOK#" in key)
        return {"UnprocessedItems": {table: later} if later else {}}

    monkeypatch.setattr(dynamodb, "batch_write_item", half)
    monkeypatch.setattr("webhooks.batches.time.sleep", lambda _: None)
    erase()
    clock.at += DELAY
    for _ in range(10):  # four halves each
        run()
        clock.at += timedelta(minutes=1)
    assert max(asked) <= 25
    assert len(deleted) == len(set(deleted)) == account.deliveries, "each once"
    assert_erased(aws, account)


def test_more_accounts_than_a_run_takes_come_when_others_are_done(
    aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliver.erase._ACCOUNTS", 1)
    for account_id in ("first", "second"):
        erase(account_id)
        clock.at += timedelta(seconds=1)
    clock.at += DELAY
    run()
    assert [erasure(account_id)["state"] for account_id in ("first", "second")] == ["done", "running"]
    run()
    assert erasure("second")["state"] == "done"


@pytest.mark.long
def test_a_throttled_account_holds_up_no_other_and_is_erased_later(
    aws: Aws, clock: Clock, account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines_too(monkeypatch)
    other = Account(aws, clock, OTHER)
    dynamodb = client("dynamodb")
    real = dynamodb.batch_write_item

    def throttled(**request: Any) -> Any:
        if "EVENT#acme#" in json.dumps(request):
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchWriteItem")
        return real(**request)

    erase()
    erase(OTHER)
    clock.at += DELAY
    with monkeypatch.context() as patched:
        patched.setattr(dynamodb, "batch_write_item", throttled)
        run()
    assert_erased(aws, other)
    assert erasure()["state"] == "running"
    lines = written(capsys)
    faults = [line for line in lines if line.get("message") == "erasure.our_fault"]
    assert [line["account_id"] for line in faults] == [ERASED]
    assert metrics(lines)["OurFault"] == [1]
    run()
    assert_erased(aws, account)


@pytest.mark.long
def test_more_than_a_run_can_do_goes_on_a_minute_later(
    aws: Aws, clock: Clock, account: Account, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deliver.erase

    erase()
    clock.at += DELAY
    ticks = itertools.count()
    monkeypatch.setattr(deliver.erase, "monotonic", lambda: next(ticks) * 15.0)
    monkeypatch.setattr("webhooks.account_data.monotonic", lambda: 0.0)
    runs = 0
    while erasure()["state"] == "running":
        run()
        clock.at += timedelta(minutes=1)
        runs += 1
        assert runs < 60
    assert runs > 3
    assert_erased(aws, account)
