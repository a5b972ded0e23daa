"""Recovery of failed deliveries: page by page, repeatable, and blind to the deliveries that succeeded."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, failures
from webhooks.items import delivery_item, event_key, to_item
from webhooks.models import Delivery, DeliveryStatus, now, rfc3339

PATH = "/v1/webhooks/wh_1/recover"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    from api import recovering

    monkeypatch.setattr(recovering, "_COPIES_SECONDS", 2)


def ago(**ago: float) -> str:
    return rfc3339(now() - timedelta(**ago))


def logged(aws: Aws, count: int, status: DeliveryStatus = "failed", *, seconds_ago: int = 3600) -> list[str]:
    """So many deliveries and their events, a millisecond apart, as deliver and fanout leave them; the events' ids."""
    begin = now() - timedelta(seconds=seconds_ago)
    items = []
    for number in range(count):
        at, event_id = rfc3339(begin + timedelta(milliseconds=number)), f"{status}_{number}"
        delivery = Delivery(
            webhook_id="wh_1", account_id="acme", event_id=event_id, event="message.read", accepted_at=at,
            status=status, round=1, round_started_at=at, attempts=failures(4 if status == "failed" else 1), version=4,
        )  # fmt: skip
        event = {"account_id": "acme", "event_id": event_id, "event": "message.read", "body": "{}", "accepted_at": at}
        items.append(delivery_item(delivery, 30))
        if status == "failed":
            items.append(event_key("acme", event_id) | to_item(event))
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        aws.dynamodb.batch_write_item(RequestItems={aws.log_table: puts})
    return [f"{status}_{number}" for number in range(count)]


def recovered(account: Api, since: str) -> list[int]:
    """The sizes of the pages, to the end."""
    sizes: list[int] = []
    cursor = None
    while cursor or not sizes:
        answer = account.post(PATH, {"since": since, "cursor": cursor})
        assert answer.status == 202, answer.text
        sizes.append(answer.json["enqueued"])
        cursor = answer.json["next_cursor"]
    return sizes


def costs(aws: Aws, account: Api, *, failed: int, pages: list[int]) -> Counter[str]:
    """AWS calls of recovering so many."""
    logged(aws, failed)
    with aws_calls() as calls:
        assert [page for page in recovered(account, ago(hours=3)) if page] == pages
    return calls


def queued(aws: Aws, count: int) -> list[str]:
    """So many messages, those that are delayed too."""
    messages = aws.messages(aws.delivery_queue)
    while len(messages) < count:
        messages += aws.messages(aws.delivery_queue)
    attributes = [message["MessageAttributes"] for message in messages]
    assert {a["round"]["StringValue"] for a in attributes} <= {"2"}
    return sorted(a["event_id"]["StringValue"] for a in attributes)


def test_each_failed_delivery_is_sent_once_more_in_a_new_round(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws
) -> None:
    pipeline.webhook(receiver.url("/hook"))
    receiver.answer("/hook", Answer(200))
    others: list[DeliveryStatus] = ["delivered", "cancelled", "retrying"]
    for status in others:
        logged(aws, 3, status)
    failed = logged(aws, 3)
    assert account.post(PATH, {"since": ago(hours=2)}).json == {"enqueued": 3, "next_cursor": None}
    shown = account.get("/v1/webhooks/wh_1/deliveries", status="pending").json["data"]
    assert sorted(delivery["event_id"] for delivery in shown) == failed
    assert pipeline.deliver() == [False] * 3
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == failed
    for event_id in failed:
        delivery = account.get(f"/v1/webhooks/wh_1/deliveries/{event_id}").json
        rounds = [(attempt["round"], attempt["number"]) for attempt in delivery["attempts"]]
        assert (delivery["status"], rounds) == ("delivered", [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)])
    assert account.post(PATH, {"since": ago(hours=2)}).json == {"enqueued": 0, "next_cursor": None}


def test_only_events_accepted_since_then(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    logged(aws, 5)
    fifth = account.get("/v1/webhooks/wh_1/deliveries", limit="1").json["data"][0]
    assert fifth["event_id"] == "failed_4"
    assert account.post(PATH, {"since": fifth["accepted_at"]}).json["enqueued"] == 1
    with_offset = fifth["accepted_at"].replace("Z", "+00:00")
    assert account.post(PATH, {"since": with_offset}).json["enqueued"] == 0  # it is pending by now
    assert queued(aws, 1) == ["failed_4"]


def test_pages_of_a_hundred_until_the_cursor_is_null(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    failed = logged(aws, 105)
    assert recovered(account, ago(hours=2)) == [100, 5]
    assert queued(aws, 105) == sorted(failed)


def test_what_is_called_again_from_the_start_sends_nothing_twice(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    failed = logged(aws, 105)
    account.post(PATH, {"since": ago(hours=2)})
    assert recovered(account, ago(hours=2)) == [5]
    assert queued(aws, 105) == sorted(failed)


@pytest.mark.parametrize("cut_off_at", [0, 1, 17])
def test_cut_off_between_sending_and_marking_nothing_is_lost_or_posted_twice(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws, monkeypatch: pytest.MonkeyPatch, cut_off_at: int
) -> None:
    """As when the function is killed: nothing after that point happens, not even for an exception."""
    from webhooks.log_table import LogTable

    pipeline.webhook(receiver.url("/hook"))
    failed = logged(aws, 18)
    with monkeypatch.context() as killed:
        save, calls = LogTable.save, itertools.count()

        def until(self: LogTable, delivery: Delivery) -> Any:
            if next(calls) >= cut_off_at:
                raise KeyboardInterrupt
            return save(self, delivery)

        killed.setattr(LogTable, "save", until)
        with pytest.raises(KeyboardInterrupt):
            account.post(PATH, {"since": ago(hours=2)})
    assert sum(recovered(account, ago(hours=2))) == 18 - cut_off_at
    handled = pipeline.deliver()
    while len(handled) < 18 + 18 - cut_off_at:
        handled += pipeline.deliver()
    assert not any(handled)
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == sorted(failed)


def test_two_calls_at_once_post_nothing_twice(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads its page before the first has marked anything, and ends after it."""
    from api import recovering
    from webhooks.history import History

    pipeline.webhook(receiver.url("/hook"))
    failed = logged(aws, 5)
    webhook, log = pipeline.stored(), pipeline.log
    history = History(aws.dynamodb, aws.log_table, log_days=30)
    mark, since = recovering._mark, ago(hours=2)

    def overtaking(*arguments: Any) -> None:
        monkeypatch.setattr(recovering, "_mark", mark)
        assert recovering.recover(log, history, webhook, since)[0] == 5
        mark(*arguments)

    monkeypatch.setattr(recovering, "_mark", overtaking)
    assert recovering.recover(log, history, webhook, since)[0] == 5
    handled = pipeline.deliver()
    assert len(handled) == 5, "one call's messages come later"
    while len(handled) < 10:
        handled += pipeline.deliver()
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == sorted(failed)


def test_what_sqs_refuses_is_still_there_for_the_next_call(
    pipeline: Pipeline, account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks import messages

    pipeline.webhook("https://localhost:1/")
    logged(aws, 20)
    send_batch = messages._send_batch

    def but_the_first(sqs: Any, url: str, batch: list[Any], delay: int) -> list[Any]:
        return batch[:1] + (send_batch(sqs, url, batch[1:], delay) if batch[1:] else [])

    monkeypatch.setattr(messages, "_send_batch", but_the_first)
    refused = account.post(PATH, {"since": ago(hours=2)})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    monkeypatch.undo()
    assert len(account.get("/v1/webhooks/wh_1/deliveries", status="failed").json["data"]) == 2


def test_a_disabled_webhook_recovers_nothing(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/", status="disabled")
    logged(aws, 1)
    refused = account.post(PATH, {"since": ago(hours=2)})
    assert (refused.status, "enable it" in refused.json["detail"], queued(aws, 0)) == (409, True, [])


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "since", "required"),
        ({"since": 5}, "since", "string"),
        ({"since": "yesterday"}, "since", "RFC 3339"),
        ({"since": "2026-05-29T10:30:00"}, "since", "RFC 3339"),
        ({"since": "2026-02-30T10:30:00Z"}, "since", "RFC 3339"),
        ({"since": "9999-01-01T00:00:00Z"}, "since", "future"),
        ({"since": "2026-05-29T10:30:00Z", "until": "2026-05-30T10:30:00Z"}, "until", "allowed are since, cursor"),
    ],
)
def test_a_bad_since_is_refused_at_its_field(
    pipeline: Pipeline, account: Api, body: Any, field: str, says: str
) -> None:
    pipeline.webhook("https://localhost:1/")
    refused = account.post(PATH, body)
    (error,) = refused.json["errors"]
    assert (refused.status, error["field"], says in error["detail"]) == (422, field, True), error


def test_a_cursor_of_nowhere_is_refused(pipeline: Pipeline, account: Api) -> None:
    pipeline.webhook("https://localhost:1/")
    assert account.post(PATH, {"since": ago(hours=1), "cursor": "WEBHOOK"}).status == 400


def test_what_a_page_costs_does_not_grow_with_what_succeeded(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    alone = costs(aws, account, failed=105, pages=[100, 5])
    logged(aws, 300, "delivered", seconds_ago=7200)
    assert costs(aws, account, failed=105, pages=[100, 5]) == alone
    assert alone["SendMessageBatch"] == 10 + 1
    assert alone["read Query"] == 105
