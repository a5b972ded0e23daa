"""Recovery of failed deliveries: page by page, repeatable, and blind to the deliveries that succeeded."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api import cursors
from local.receiver import Answer, Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, failures, put_items
from webhooks.attribute_values import to_item
from webhooks.deliveries import STRANDED_AFTER, Delivery, DeliveryStatus
from webhooks.delivery_log import DeliveryLog
from webhooks.item_keys import event_key
from webhooks.items import delivery_item
from webhooks.recoverable_deliveries import RecoverableDeliveries
from webhooks.stored_events import StoredEvent
from webhooks.tables import waiting_deliveries
from webhooks.times import now, rfc3339

PATH = "/v1/webhooks/wh_1/recover"


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    from api import recovery

    monkeypatch.setattr(recovery, "_COPIES_SECONDS", 2)


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
    put_items(aws, items)
    return [f"{status}_{number}" for number in range(count)]


def recovered(account: Api, since: str) -> list[int]:
    """The sizes of the pages, to the end."""
    sizes: list[int] = []
    cursor = None
    while cursor or not sizes:
        assert len(sizes) < 200, "pages without end"
        answer = account.post(PATH, {"since": since, "cursor": cursor})
        assert answer.status == 202, answer.text
        sizes.append(answer.json["enqueued"])
        cursor = answer.json["next_cursor"]
    return sizes


def costs(aws: Aws, account: Api, *, failed: int, pages: list[int]) -> Counter[str]:
    """AWS calls of a recovery of so many, but for those of the key's first call today."""
    logged(aws, failed)
    account.get("/v1/session")
    with aws_calls() as calls:
        assert [page for page in recovered(account, ago(hours=3)) if page] == pages
    return calls


def queued(aws: Aws, count: int) -> list[str]:
    """So many messages, those that are delayed too."""
    messages = aws.messages(aws.delivery_queue)
    while len(messages) < count:
        aws.await_message(aws.delivery_queue)
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


@pytest.mark.long
def test_pages_of_a_hundred_until_the_cursor_is_null(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    failed = logged(aws, 105)
    with aws_calls() as calls:
        assert recovered(account, ago(hours=2)) == [100, 5]
    assert (calls["SendMessageBatch"], calls["read Query"]) == (10 + 1, 105)
    assert queued(aws, 105) == sorted(failed)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten: a hundred cost seconds."""
    monkeypatch.setattr("api.recovery.PAGE", 10)


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
def test_what_is_called_again_from_the_start_sends_nothing_twice(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    failed = logged(aws, 12)
    account.post(PATH, {"since": ago(hours=2)})
    assert recovered(account, ago(hours=2)) == [2]
    assert queued(aws, 12) == sorted(failed)


@pytest.mark.long
@pytest.mark.parametrize("cut_off_at", [0, 1, 17])
def test_cut_off_between_sending_and_marking_nothing_is_lost_or_posted_twice(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws, monkeypatch: pytest.MonkeyPatch, cut_off_at: int
) -> None:
    """As when the function is killed: nothing after that point happens, not even for an exception."""
    from webhooks.clients import client

    pipeline.webhook(receiver.url("/hook"))
    failed = logged(aws, 18)
    with monkeypatch.context() as killed:
        dynamodb, marked = client("dynamodb"), itertools.count()
        put_item = dynamodb.put_item

        def until(**request: Any) -> Any:
            if request["TableName"] == pipeline.aws.log_table and next(marked) >= cut_off_at:
                raise KeyboardInterrupt
            return put_item(**request)

        killed.setattr(dynamodb, "put_item", until)
        with pytest.raises(KeyboardInterrupt):
            account.post(PATH, {"since": ago(hours=2)})
    assert sum(recovered(account, ago(hours=2))) == 18 - cut_off_at
    assert not any(pipeline.deliver_queued(18 + 18 - cut_off_at))
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == sorted(failed)


@pytest.mark.long
def test_two_calls_at_once_post_nothing_twice(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads its page before the first has marked anything, and ends after it."""
    from api import recovery
    from webhooks.clients import client
    from webhooks.deduplication import recent_requests
    from webhooks.rate_limits import rate_limits

    pipeline.webhook(receiver.url("/hook"))
    failed = logged(aws, 5)
    webhook, since, sqs = pipeline.stored(), ago(hours=2), client("sqs")
    send_message_batch = sqs.send_message_batch
    opened = (pipeline.log, rate_limits(), recent_requests())

    def overtaken(**request: Any) -> Any:
        answer = send_message_batch(**request)
        monkeypatch.setattr(sqs, "send_message_batch", send_message_batch)
        assert recovery.recover(*opened, webhook, since)[0] == 5
        return answer

    monkeypatch.setattr(sqs, "send_message_batch", overtaken)
    assert recovery.recover(*opened, webhook, since)[0] == 5
    handled = pipeline.deliver()
    assert len(handled) == 5, "one call's messages come later"
    pipeline.deliver_queued(5)
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == sorted(failed)


def test_what_sqs_refuses_is_still_there_for_the_next_call(
    pipeline: Pipeline, account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.clients import client

    pipeline.webhook("https://localhost:1/")
    logged(aws, 20)
    sqs = client("sqs")
    send_message_batch = sqs.send_message_batch

    def but_the_first(**request: Any) -> Any:
        first, *rest = request["Entries"]
        if rest:
            send_message_batch(**request | {"Entries": rest})
        return {"Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]}

    with monkeypatch.context() as refusing:
        refusing.setattr(sqs, "send_message_batch", but_the_first)
        refused = account.post(PATH, {"since": ago(hours=2)})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert len(account.get("/v1/webhooks/wh_1/deliveries", status="failed").json["data"]) == 2


@pytest.mark.parametrize("failed", [5, 1, 0], ids=["failed", "some pending again", "pending again"])
def test_a_page_begins_after_the_last_one_even_if_nothing_of_it_was_sent(aws: Aws, failed: int) -> None:
    recoverable = RecoverableDeliveries(aws.dynamodb, aws.log_table, log_days=30)
    pending = logged_pending(aws, 5 - failed, minutes=181) if failed < 5 else []
    expected = [*logged(aws, failed), *pending]
    pages: list[list[str]] = []
    after = None
    while (after or not pages) and len(pages) < 5:
        page = recoverable.page("wh_1", since=ago(days=1), after=after, limit=2)
        pages.append([delivery.event_id for delivery in page.deliveries])
        after = page.after
    assert pages == [expected[:2], expected[2:4], expected[4:]]


def test_what_a_bounded_page_did_not_reach_is_on_the_next(aws: Aws) -> None:
    """Twelve of older events, which are not asked for, come before the one that is: a page reads ten."""
    recoverable = RecoverableDeliveries(aws.dynamodb, aws.log_table, log_days=30)
    stranded = now() - STRANDED_AFTER
    old, begun, last = (rfc3339(stranded - timedelta(minutes=minutes)) for minutes in (90, 60, 10))
    pending = [
        Delivery("wh_1", "acme", f"old_{number}", "message.read", old, "pending", 2, begun, version=1)
        for number in range(12)
    ]
    pending.append(Delivery("wh_1", "acme", "wanted", "message.read", last, "pending", 1, last, version=1))
    put_items(aws, [delivery_item(delivery, 30) for delivery in pending])
    since = rfc3339(stranded - timedelta(minutes=30))
    first = recoverable.page("wh_1", since=since, after=None, limit=2)
    second = recoverable.page("wh_1", since=since, after=first.after, limit=2)
    assert (first.deliveries, [delivery.event_id for delivery in second.deliveries]) == ([], ["wanted"])


def test_failed_deliveries_are_counted_read_by_read_up_to_the_limit(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read is at most 1 MB, here two items. What has expired is not counted, though DynamoDB may still have it."""
    recoverable = RecoverableDeliveries(aws.dynamodb, aws.log_table, log_days=30)
    logged(aws, 5)
    logged(aws, 3, seconds_ago=31 * 24 * 3600)
    real, reads = aws.dynamodb.query, []

    def of_two(**request: Any) -> Any:
        reads.append(request)
        return real(**request | {"Limit": min(request["Limit"], 2)})

    monkeypatch.setattr(aws.dynamodb, "query", of_two)
    assert recoverable.failed_since("wh_1", ago(hours=3)) == 5
    assert recoverable.failed_since("wh_1", ago(days=60)) == 5
    assert recoverable.failed_since("wh_1", ago(minutes=1)) == 0
    assert recoverable.failed_since("wh_1", ago(hours=3), limit=3) == 3
    reads.clear()
    assert recoverable.failed_since("wh_1", ago(hours=3), limit=4) == 4
    assert [(read["Select"], read["Limit"]) for read in reads] == [("COUNT", 4), ("COUNT", 2)]


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
        ({"since": "2026-05-29T10:30:00Z", "until": "2026-05-30T10:30:00Z"}, "until", "allowed fields: since, cursor"),
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


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
def test_what_a_page_costs_does_not_grow_with_what_succeeded(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    alone = costs(aws, account, failed=12, pages=[10, 2])
    logged(aws, 300, "delivered", seconds_ago=7200)
    assert costs(aws, account, failed=12, pages=[10, 2]) == alone
    assert alone["SendMessageBatch"] == 1 + 1
    assert alone["read Query"] == 12


def test_stranded_deliveries_are_recovered_and_those_under_way_are_not(
    pipeline: Pipeline, account: Api, receiver: Receiver
) -> None:
    """Their message is gone: nothing has happened to them for three hours after the next attempt was due."""
    pipeline.webhook(receiver.url("/hook"))
    for id, due in (("stranded", ago(minutes=181)), ("late", ago(minutes=179))):
        message = pipeline.message(event_id=id, accepted_at=ago(hours=4))
        stored = StoredEvent("acme", id, message.event, message.body, message.accepted_at)
        pipeline.log.put_event_once(stored)
        pipeline.logged(message, status="retrying", attempts=failures(1, first_ago=12000), next_attempt_at=due)
    assert account.post(PATH, {"since": ago(hours=5)}).json["enqueued"] == 1
    assert pipeline.deliver() == [False]
    assert [posted.headers["webhook-id"] for posted in receiver.received("/hook")] == ["stranded"]


def test_what_is_being_retried_hides_nothing_that_failed_after_it(
    pipeline: Pipeline, account: Api, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of it than one call reads: a page is empty then, and has a cursor."""
    monkeypatch.setattr("api.recovery.PAGE", 2)
    pipeline.webhook("https://localhost:1/")
    logged(aws, 13, "retrying", seconds_ago=7200)
    logged(aws, 1)
    assert recovered(account, ago(hours=3)) == [0, 1]


@pytest.mark.parametrize(("minutes", "status"), [(181, 202), (179, 409)])
def test_a_stranded_delivery_can_be_retried(pipeline: Pipeline, account: Api, minutes: int, status: int) -> None:
    pipeline.webhook("https://localhost:1/")
    message = pipeline.message(accepted_at=ago(hours=4))
    pipeline.log.put_event_once(StoredEvent("acme", "evt_1", message.event, message.body, message.accepted_at))
    pipeline.logged(message, round_started_at=ago(minutes=minutes))
    assert account.call("POST", "/v1/webhooks/wh_1/deliveries/evt_1/retry").status == status


def logged_pending(aws: Aws, count: int, *, minutes: float) -> list[str]:
    """Failed deliveries, of which a recovery so long ago began new rounds; the events' ids."""
    failed = logged(aws, count, seconds_ago=7 * 3600)
    log = DeliveryLog(aws.dynamodb, aws.log_table, log_days=30)
    recoverable = RecoverableDeliveries(aws.dynamodb, aws.log_table, log_days=30)
    for delivery in recoverable.page("wh_1", since=ago(days=1), after=None, limit=count).deliveries:
        attempts = failures(4, first_ago=6 * 3600)
        log.save(replace(delivery.in_round(2, ago(minutes=minutes)), attempts=attempts))
    return failed


@pytest.mark.long
def test_pending_deliveries_whose_message_is_lost_are_recovered(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws
) -> None:
    """Page by page, after those that failed, and each once."""
    pipeline.webhook(receiver.url("/hook"))
    stranded = logged_pending(aws, 8, minutes=181)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("api.recovery.PAGE", 3)
        logged(aws, 4, "retrying")
        assert [size for size in recovered(account, ago(hours=8)) if size] == [3, 3, 2]
    assert recovered(account, ago(hours=8)) == [0]
    pipeline.deliver_queued(8)
    assert sorted(posted.headers["webhook-id"] for posted in receiver.received("/hook")) == sorted(stranded)


@pytest.mark.parametrize(("minutes", "since"), [(179, 8), (181, 6)])
def test_pending_deliveries_that_are_under_way_or_older_are_not(
    pipeline: Pipeline, account: Api, aws: Aws, minutes: int, since: int
) -> None:
    pipeline.webhook("https://localhost:1/")
    logged_pending(aws, 2, minutes=minutes)
    assert recovered(account, ago(hours=since)) == [0]


def test_pending_deliveries_that_are_under_way_are_not_even_read(pipeline: Pipeline, account: Api, aws: Aws) -> None:
    pipeline.webhook("https://localhost:1/")
    logged_pending(aws, 20, minutes=179)
    logged(aws, 2)
    with aws_calls() as calls:
        assert recovered(account, ago(hours=8)) == [2]
    assert (calls["Query"], calls["read Query"]) == (2, 2)


def test_what_waits_for_its_pace_is_not_recovered_again_however_long_it_waits(
    pipeline: Pipeline, account: Api, aws: Aws
) -> None:
    """Another round would put it at the end of the line. What has failed is recovered all the same."""
    pipeline.webhook("https://localhost:1/")
    logged_pending(aws, 2, minutes=181)
    waiting_deliveries().put([pipeline.message(event_id="waits")])
    assert recovered(account, ago(hours=8)) == [0]
    logged(aws, 2)
    assert recovered(account, ago(hours=8)) == [2]
    state = waiting_deliveries().state("wh_1")
    assert state
    waiting_deliveries().finish(state)
    assert recovered(account, ago(hours=8)) == [2], "nothing waits any more"


@pytest.mark.parametrize("after", ["2999-01-01T00:00:00.000Z#x", "2999-01-01T00:00:00.000Z#2026-01-01T00:00:00.000Z#x"])
def test_a_cursor_beyond_the_end_finds_nothing(pipeline: Pipeline, account: Api, after: str) -> None:
    pipeline.webhook("https://localhost:1/")
    body = {"since": ago(hours=1), "cursor": cursors.encode(after)}
    assert account.post(PATH, body).json == {"enqueued": 0, "next_cursor": None}


def test_what_was_never_attempted_through_our_fault_is_in_the_log_and_recovered(
    pipeline: Pipeline, account: Api, receiver: Receiver, aws: Aws
) -> None:
    """Its message was received in vain as often as there are attempts, requeued, and is then lost."""
    pipeline.webhook(receiver.url("/hook"))
    message = pipeline.message(accepted_at=ago(minutes=182), round_started_at=ago(minutes=181))
    pipeline.log.put_event_once(StoredEvent("acme", "evt_1", message.event, message.body, message.accepted_at))
    assert pipeline.process_dead_letters(message) == [False]
    (shown,) = account.get("/v1/webhooks/wh_1/deliveries").json["data"]
    assert (shown["event_id"], shown["status"], shown["attempts"]) == ("evt_1", "pending", [])
    aws.messages(aws.retry_queue)
    assert recovered(account, ago(hours=5)) == [1]
    assert pipeline.deliver() == [False]
    assert [posted.headers["webhook-id"] for posted in receiver.received("/hook")] == ["evt_1"]
