"""After an outage, what failed is sent again by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deliver.catch_up import MAX_PAUSES, take_step
from local.receiver import Receiver
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, failures, put_items
from tests.integration.test_telemetry import write_lines_too, written
from webhooks.attribute_values import to_item
from webhooks.catch_up import EARLIER
from webhooks.clients import client
from webhooks.deliveries import Attempt, Delivery
from webhooks.item_keys import catch_up_key, event_key
from webhooks.items import delivery_item
from webhooks.stored_events import StoredEvent
from webhooks.tables import catch_ups, delivery_lists, pace, waiting_deliveries
from webhooks.times import parse_time, rfc3339

PATH = "/v1/webhooks/wh_1"
Sent = list[tuple[str, str, int]]


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


@pytest.fixture
def account(api: Api, clock: Clock) -> Api:
    return api.of_account("acme")


@pytest.fixture
def outage(pipeline: Pipeline, clock: Clock, receiver: Receiver) -> Callable[..., list[str]]:
    """The webhook became failing a moment ago, and so many deliveries have failed; their events' ids, the oldest first."""

    from deliver.dead_letters import dead_letters

    def make(failed: int, *, minutes_ago: float = 6, last_minutes_ago: float = 0, **values: Any) -> list[str]:
        begin = clock.at - timedelta(minutes=minutes_ago)
        items = []
        for number in range(failed):
            at, event_id = rfc3339(begin + timedelta(milliseconds=number)), f"e{number:03}"
            delivery = Delivery(
                webhook_id="wh_1", account_id="acme", event_id=event_id, event="message.incoming", accepted_at=at,
                status="failed", round=1, round_started_at=at, attempts=failures(4), version=4,
            )  # fmt: skip
            event = {"account_id": "acme", "event_id": event_id, "event": "message.incoming", "body": "{}"}
            items += [delivery_item(delivery, 30), event_key("acme", event_id) | to_item(event | {"accepted_at": at})]
        put_items(pipeline.aws, items)
        values = {"catch_up": True, "max_per_second": 1000} | values
        pipeline.webhook(receiver.url("/hook"), **values)
        number = int(clock.at.timestamp())
        at = rfc3339(clock.at - timedelta(minutes=last_minutes_ago))
        last = pipeline.message(event_id=f"last{number}", accepted_at=at, round_started_at=rfc3339(clock.at))
        pipeline.log.put_event_once(StoredEvent("acme", last.event_id, last.event, "{}", last.accepted_at))
        pipeline.logged(last, status="retrying", attempts=failures(4))
        dead_letters().process_dead_letter(last)
        assert pipeline.stored().status == "failing"
        return [f"e{number:03}" for number in range(failed)] + [last.event_id]

    return make


def release() -> None:
    from deliver.release import lambda_handler

    lambda_handler({}, None)


def recover(pipeline: Pipeline, clock: Clock) -> None:
    """As deliver does at a 200."""
    from deliver.status_changes import status_changes

    webhook = pipeline.stored()
    answered = pipeline.logged(
        pipeline.message(event_id=f"good{clock.at.timestamp():.0f}", accepted_at=rfc3339(clock.at)),
        status="delivered",
        attempts=[_ok(clock)],
    )
    status_changes().mark_recovered_if_due(webhook, answered)
    assert pipeline.stored().status == "active"


def _ok(clock: Clock) -> Any:
    return Attempt(1, 1, rfc3339(clock.at), 20, status_code=200)


def state(account: Api) -> tuple[str, int, int]:
    shown = account.get(f"{PATH}/catch-up").json
    return shown["state"], shown["sent"], shown["total"]


@pytest.mark.long
def test_an_endpoint_without_traffic_is_probed_for_three_days_and_then_given_up(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    outage(3)
    began = clock.at
    probes: list[float] = []
    while clock.at - began < timedelta(hours=73):
        clock.at += timedelta(minutes=15)
        release()
        if sent:
            probes.append((clock.at - began) / timedelta(hours=1))
            assert [delay for _, _, delay in sent] == [0], "one delivery is enough"
            _fail_again(pipeline, sent[0][1])
            sent.clear()
    assert [round(hours, 1) for hours in probes] == [0.2, 1.0, *[float(hours) for hours in range(3, 72, 6)]]
    shown = account.get(f"{PATH}/catch-up").json
    assert (shown["state"], shown["sent"], shown["total"], shown["next_look_at"]) == ("given_up", 0, 4, None)
    assert said(account) == dict.fromkeys(["e000", "e001", "e002", "last1780050600"], "too_old")
    assert parse_time(shown["ended_at"]) - began == pytest.approx(timedelta(hours=72), abs=timedelta(minutes=6))
    recover(pipeline, clock)
    release()
    assert sent == [], "given up"


def test_after_three_days_to_the_millisecond_it_is_given_up(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    outage(2)
    began = parse_time(str(pipeline.stored().failing_since))
    clock.at = began + timedelta(days=3, milliseconds=-1)
    release()
    assert sent == [("wh_1", "e000", 0)], "a probe"
    probed = delivery_lists().page("wh_1", limit=10, after=None).deliveries[-1]
    assert (probed.event_id, probed.round, probed.round_started_at) == ("e000", 2, rfc3339(clock.at))
    assert account.get(f"{PATH}/catch-up").json["next_look_at"] == rfc3339(began + timedelta(days=3))
    clock.at += timedelta(milliseconds=1)
    release()
    assert state(account) == ("given_up", 0, 2), "the third is under way"
    assert len(sent) == 1
    catch_ups().begin(pipeline.stored(), rfc3339(began))
    assert state(account)[0] == "given_up", "a copy of the message that made it failing begins nothing"


def said(account: Api) -> dict[str, str | None]:
    """What the log says of each delivery of these outages, listed and alone."""
    page = account.get(f"{PATH}/deliveries").json["data"]
    listed = {one["event_id"]: one["catch_up"] for one in page if not one["event_id"].startswith("good")}
    assert listed == {id: account.get(f"{PATH}/deliveries/{id}").json["catch_up"] for id in listed}
    return listed


@pytest.mark.long
def test_the_log_says_of_each_failed_delivery_whether_it_is_sent_again(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(2, minutes_ago=50, catch_up_hours=1)
    assert said(account) == dict.fromkeys(failed, "waiting")
    clock.at += timedelta(minutes=14)
    assert said(account) == {"e000": "too_old", "e001": "too_old", failed[-1]: "waiting"}
    assert account.call("PATCH", PATH, {"enabled": False}).status == 200
    assert said(account) == {"e000": "too_old", "e001": "too_old", failed[-1]: "stopped"}
    clock.at += timedelta(days=1)
    assert said(account)[failed[-1]] == "stopped", "as it was when it ended"
    account.call("PATCH", PATH, {"enabled": True})
    account.post(f"{PATH}/deliveries/{failed[-1]}/retry", None)
    assert said(account)[failed[-1]] is None
    _fail_again(pipeline, failed[-1])
    assert said(account)[failed[-1]] is None, "a person's retry has failed, after all was over"


def test_what_has_failed_beside_an_outage_is_not_said_to_be_sent_again(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(1, minutes_ago=70)
    assert said(account) == {failed[0]: None, failed[1]: "waiting"}, "earlier than an hour before the outage"
    recover(pipeline, clock)
    release()
    assert set(said(account).values()) == {None}, "nothing is failed any more"


def test_a_log_without_catching_up_costs_what_it_did(
    account: Api, outage: Callable[..., list[str]], pipeline: Pipeline
) -> None:
    outage(3, catch_up=False)
    with aws_calls() as without:
        assert set(said(account).values()) == {None}
    pipeline.webhook("https://localhost:1/", catch_up=True, status="failing")
    with aws_calls() as catching_up:
        said(account)
    assert catching_up["GetItem"] == without["GetItem"] + 5, "one for each answer"


def _fail_again(pipeline: Pipeline, event_id: str) -> None:
    """The delivery's round has failed."""
    event = pipeline.log.event("acme", event_id)
    accepted_at = event.accepted_at if event else ""
    delivery = pipeline.log.delivery("wh_1", accepted_at, event_id)
    assert delivery
    assert delivery.status == "pending"
    assert pipeline.log.save(replace(delivery, status="failed", attempts=failures(4, delivery.round)))


def test_with_traffic_there_is_no_probe(
    pipeline: Pipeline, clock: Clock, sent: Sent, outage: Callable[..., list[str]]
) -> None:
    outage(1)
    clock.at += timedelta(minutes=16)
    pipeline.logged(pipeline.message(event_id="new", accepted_at=rfc3339(clock.at)), status="retrying")
    release()
    assert sent == []


@pytest.mark.long
def test_at_the_first_200_what_failed_is_sent_again_oldest_first_at_its_pace(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lines_too(monkeypatch)
    monkeypatch.setattr("deliver.catch_up._PAGE", 10)
    failed = outage(12, max_per_second=2)
    assert state(account) == ("waiting", 0, 0)
    clock.at += timedelta(minutes=5)
    release()
    assert sent == []
    recover(pipeline, clock)
    release()
    assert state(account) == ("done", 13, 13)
    ended = {"message": "catch_up.ended", "webhook_id": "wh_1", "state": "done", "sent": 13, "total": 13}
    assert ended in written(capsys)
    delays = {event_id: delay for _, event_id, delay in sent}
    assert len(sent) == len(delays) == 13
    assert [delays[event_id] for event_id in failed[:12]] == [(number + 1) // 2 for number in range(12)]
    sent.clear()
    clock.at += timedelta(minutes=1)
    release()
    assert sent == []


@pytest.mark.long
def test_a_second_outage_pauses_it_and_it_goes_on(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=10))
    failed = outage(30, max_per_second=1)
    recover(pipeline, clock)
    release()
    assert state(account) == ("sending", 10, 31)
    _fail_again(pipeline, "e000")
    clock.at += timedelta(minutes=16)
    failed += outage(0, max_per_second=1, last_minutes_ago=20)  # without traffic
    release()
    assert (len(sent), state(account)[0]) == (10, "waiting")
    shown = account.get(f"{PATH}/catch-up").json
    assert shown["failing_since"] == pipeline.stored().failing_since
    assert parse_time(shown["next_look_at"]) - parse_time(shown["failing_since"]) == timedelta(minutes=15)
    clock.at += timedelta(minutes=2)
    release()
    assert len(sent) == 10, "no probe before its time"
    recover(pipeline, clock)
    for _ in range(5):
        release()
        clock.at += timedelta(seconds=10)
    assert state(account)[0] == "done"
    assert sorted(event_id for _, event_id, _ in sent) == sorted(["e000", *failed])


def test_what_fails_again_while_others_are_sent_is_not_sent_before_them(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=1))
    failed = outage(1, max_per_second=1)
    recover(pipeline, clock)
    release()
    _fail_again(pipeline, failed[0])
    new = StoredEvent("acme", "new", "message.incoming", "{}", rfc3339(clock.at))
    pipeline.log.put_event_once(new)
    message = pipeline.message(event_id="new", accepted_at=new.accepted_at)
    pipeline.logged(message, status="failed", attempts=failures(4))
    for _ in range(2):
        clock.at += timedelta(seconds=2)
        release()
    assert [event_id for _, event_id, _ in sent] == [*failed, "new"]
    assert state(account) == ("done", 3, 3), "one more than were failed when it began to send"


def test_what_waits_because_of_the_pace_does_not_hold_it_up(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=1))
    failed = outage(0, max_per_second=1)
    pace().schedule([pipeline.message(event_id=id) for id in ("now", "waits")], 1)
    assert waiting_deliveries().state("wh_1"), "which is to be released"
    recover(pipeline, clock)
    clock.at += timedelta(seconds=2)
    for _ in range(2):
        assert take_step("wh_1")
    assert not take_step("wh_1"), "it is done"
    assert [event_id for _, event_id, _ in sent] == failed
    assert pace().take("wh_1", 1, 1, of_waiting=True) is None, "it has taken the moment"


def test_what_sqs_refuses_is_sent_a_minute_later(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lines_too(monkeypatch)
    failed = outage(2)
    recover(pipeline, clock)
    sqs = client("sqs")
    real = sqs.send_message_batch

    def but_the_first(**request: Any) -> Any:
        first, *others = request["Entries"]
        if others:
            real(**request | {"Entries": others})
        return {"Failed": [{"Id": first["Id"]}]}

    with monkeypatch.context() as refusing:
        refusing.setattr(sqs, "send_message_batch", but_the_first)
        release()
    (fault,) = [line for line in written(capsys) if line.get("message") == "release.our_fault"]
    assert fault["exception"].endswith("NotSent: 1 of 3 deliveries could not be queued")
    clock.at += timedelta(minutes=1)
    release()
    assert [event_id for _, event_id, _ in sent] == [*failed[1:], failed[0]]


@pytest.mark.long
def test_what_fails_again_after_all_was_sent_is_sent_once_more(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    """All is on the queue when it is done, up to five minutes ahead. Then the endpoint falls over again."""
    failed = outage(20, max_per_second=1)
    clock.at += timedelta(hours=3)
    recover(pipeline, clock)
    release()
    assert state(account) == ("done", 21, 21)
    sent.clear()
    clock.at += timedelta(minutes=8)
    for event_id in failed:
        _fail_again(pipeline, event_id)
    failed += outage(0, max_per_second=1)
    assert said(account) == dict.fromkeys(failed, "waiting")
    recover(pipeline, clock)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)
    assert state(account) == ("done", 43, 43)


def test_an_outage_long_after_one_that_is_done_is_another(
    pipeline: Pipeline, clock: Clock, sent: Sent, outage: Callable[..., list[str]]
) -> None:
    outage(1)
    recover(pipeline, clock)
    release()
    _fail_again(pipeline, "e000")
    sent.clear()
    clock.at += timedelta(minutes=61)
    outage(0)
    recover(pipeline, clock)
    release()
    assert [event_id[:4] for _, event_id, _ in sent] == ["last"]


@pytest.mark.parametrize("chosen", ["before", "while it is failing"])
def test_what_waited_in_a_long_line_is_sent_again(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]], chosen: str
) -> None:
    """Accepted three hours before the outage, and attempted in it."""
    failed = outage(20, minutes_ago=180, last_minutes_ago=179, catch_up=chosen == "before")
    if chosen != "before":
        account.call("PATCH", PATH, {"catch_up": True})
    recover(pipeline, clock)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)


def test_an_outage_that_begins_while_all_was_just_sent_is_not_missed(
    pipeline: Pipeline, clock: Clock, sent: Sent, outage: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last page and the note that all is done."""
    outage(1)
    recover(pipeline, clock)
    sqs = client("sqs")
    real, second = sqs.send_message_batch, iter([clock])

    def fails_again(**request: Any) -> Any:
        answer = real(**request)
        for _ in second:
            clock.at += timedelta(seconds=1)
            outage(0)
        return answer

    monkeypatch.setattr(sqs, "send_message_batch", fails_again)
    release()
    clock.at += timedelta(minutes=1)
    release()
    sent.clear()
    recover(pipeline, clock)
    release()
    assert "last" in {event_id[:4] for _, event_id, _ in sent}


@pytest.mark.long
def test_an_endpoint_that_cannot_bear_an_event_does_not_get_it_for_ever(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_PAUSES + 2 == 12, "the outage that ends it, as docs/catch-up.md and the API say; three are as good here"
    monkeypatch.setattr("deliver.catch_up.MAX_PAUSES", 3)
    outage(1)
    for outages in range(5):
        recover(pipeline, clock)
        sent.clear()
        release()
        if "e000" not in [event_id for _, event_id, _ in sent]:
            assert (outages, state(account)[0]) == (3 + 1, "given_up")
            return
        clock.at += timedelta(minutes=7)
        _fail_again(pipeline, "e000")
        outage(0)
    pytest.fail("it is sent again and again")


@pytest.mark.long
def test_outages_without_end_are_given_up(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webhooks.pace.HORIZON", timedelta(seconds=1))
    monkeypatch.setattr("deliver.catch_up.MAX_PAUSES", 3)
    outage(8, max_per_second=1)
    for _ in range(3 + 1):
        assert state(account)[0] == "waiting"
        recover(pipeline, clock)
        release()
        assert state(account)[0] == "sending"
        clock.at += timedelta(seconds=2)
        outage(0, max_per_second=1)
        release()
    assert state(account)[0] == "given_up"
    recover(pipeline, clock)
    release()
    assert state(account)[0] == "given_up"


@pytest.mark.long
def test_a_person_who_enables_a_failing_webhook_begins_it_within_a_minute(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(3)
    clock.at += timedelta(hours=4)
    release()  # a probe
    assert account.call("PATCH", PATH, {"enabled": True}).json["status"] == "active"
    clock.at += timedelta(minutes=1)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)
    assert state(account)[0] == "done"


@pytest.mark.parametrize("change", [{"enabled": False}, {"catch_up": False}])
def test_who_disables_the_webhook_ends_it(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    change: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if an attempt has changed it since it was read."""
    outage(3)
    before_it_is_written(monkeypatch, lambda: catch_ups().make_due_now("wh_1"))
    assert account.call("PATCH", PATH, change).status == 200
    assert state(account)[0] == "stopped"
    assert account.call("PATCH", PATH, {"enabled": True}).status == 200
    release()
    assert sent == []


@pytest.mark.parametrize("deleted", [False, True])
def test_a_webhook_that_is_disabled_or_deleted_without_a_word_is_sent_nothing(
    pipeline: Pipeline, clock: Clock, sent: Sent, outage: Callable[..., list[str]], deleted: bool
) -> None:
    """As by a call that was killed before it stopped the catching up."""
    outage(1)
    if deleted:
        pipeline.config.delete_webhook("acme", "wh_1")
    else:
        pipeline.webhook("https://localhost:1/", catch_up=True, status="disabled")
    assert not take_step("wh_1")
    ended = catch_ups().read("wh_1")
    assert ended
    assert (ended.state, ended.ended_at, sent) == ("stopped", rfc3339(clock.at), [])
    clock.at += timedelta(seconds=1)
    assert not take_step("wh_1"), "the index of what is due is a moment behind"
    assert not take_step("wh_unknown")
    assert catch_ups().read("wh_1") == ended


def test_what_was_read_before_two_others_wrote_it_is_not_written(
    clock: Clock, account: Api, outage: Callable[..., list[str]], pipeline: Pipeline
) -> None:
    catch_ups().make_due_now("wh_1")
    assert catch_ups().read("wh_1") is None, "there is nothing to look at"
    catch_ups().begin(pipeline.webhook("https://localhost:1/"), rfc3339(clock.at))
    assert catch_ups().read("wh_1") is None, "it is not failing"
    outage(1)
    known = catch_ups().read("wh_1")
    assert known
    assert catch_ups().save(known)
    catch_ups().make_due_now("wh_1")
    assert not catch_ups().save(known.ended("done"))
    assert state(account)[0] == "waiting"
    item = pipeline.aws.dynamodb.get_item(TableName=pipeline.aws.log_table, Key=catch_up_key("wh_1"))["Item"]
    assert int(item["expires_at"]["N"]) == int((clock.at + timedelta(days=30)).timestamp())
    catch_ups().stop("wh_1")
    ended = catch_ups().read("wh_1")
    catch_ups().make_due_now("wh_1")
    assert catch_ups().read("wh_1") == ended, "it is over"


def before_it_is_written(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Acts once, when the catching up has been read and is about to be written."""
    dynamodb, once = client("dynamodb"), iter([act])
    real = dynamodb.put_item

    def put_item(**request: Any) -> Any:
        if request["Item"]["sk"] == {"S": "CATCH_UP"}:
            for acts in once:
                acts()
        return real(**request)

    monkeypatch.setattr(dynamodb, "put_item", put_item)


def test_it_can_be_chosen_when_the_webhook_is_failing_already(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(3, catch_up=False)
    recover_later = pipeline.stored().failing_since
    assert state(account) == ("none", 0, 0)
    for chosen, then in ((True, "waiting"), (False, "stopped"), (True, "waiting")):
        assert account.call("PATCH", PATH, {"catch_up": chosen}).json["catch_up"] is chosen
        assert state(account)[0] == then
    shown = account.get(f"{PATH}/catch-up").json
    assert (shown["state"], shown["failing_since"]) == ("waiting", recover_later)
    recover(pipeline, clock)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)


def test_who_chooses_it_and_enables_the_failing_webhook_in_one_edit_gets_both(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(3, catch_up=False)
    assert account.call("PATCH", PATH, {"catch_up": True, "enabled": True}).json["status"] == "active"
    clock.at += timedelta(minutes=1)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)
    assert state(account)[0] == "done"


@pytest.mark.parametrize("change", [{"catch_up": True}, {"catch_up": True, "enabled": True}])
@pytest.mark.parametrize("item", ["CATCH_UP", f"WEBHOOK#{PATH.rpartition('/')[2]}"])
def test_a_choice_that_was_cut_off_is_made_when_the_call_is_repeated(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    change: dict[str, Any],
    item: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = outage(3, catch_up=False)
    dynamodb = client("dynamodb")

    def crash_at(method: str) -> None:
        real = getattr(dynamodb, method)

        def crash(**request: Any) -> Any:
            if (request.get("Item") or request["Key"])["sk"] == {"S": item}:
                raise RuntimeError
            return real(**request)

        crashing.setattr(dynamodb, method, crash)

    with monkeypatch.context() as crashing:
        crash_at("put_item")
        crash_at("update_item")
        assert account.call("PATCH", PATH, change).status == 500
    assert account.call("PATCH", PATH, change).status == 200
    if "enabled" not in change:
        recover(pipeline, clock)
    clock.at += timedelta(minutes=1)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)


def test_it_can_be_chosen_at_the_moment_when_the_webhook_begins_to_fail(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline.webhook("https://localhost:1/")
    dynamodb, failed = client("dynamodb"), list[str]()
    update_item = dynamodb.update_item

    def overtaken(**request: Any) -> Any:
        if not failed and request["Key"]["sk"] == {"S": "WEBHOOK#wh_1"}:
            failed.extend(outage(3, catch_up=False))
        return update_item(**request)

    monkeypatch.setattr(dynamodb, "update_item", overtaken)
    assert account.call("PATCH", PATH, {"catch_up": True}).json["status"] == "failing"
    recover(pipeline, clock)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed) != []


def test_a_choice_that_could_not_be_published_is_made_all_the_same(
    clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = outage(3, catch_up=False)
    answers = iter([{"FailedEntryCount": 0}, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}])
    monkeypatch.setattr(client("events"), "put_events", lambda **_: next(answers))
    refused = account.call("PATCH", PATH, {"catch_up": True, "enabled": True})
    assert (refused.status, refused.json["detail"]) == (
        503,
        "the webhook is changed, but that could not be published on the event bus; "
        "send the same PATCH again, with the webhook's new ETag or without If-Match",
    )
    clock.at += timedelta(minutes=1)
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)


@pytest.mark.parametrize("missed", [False, True])
def test_an_event_is_not_looked_for_by_no_id(
    pipeline: Pipeline, clock: Clock, account: Api, outage: Callable[..., list[str]], missed: bool
) -> None:
    """A webhook may be failing without `failing_event_id`; `None` is an id that a producer can give an event."""
    outage(1, catch_up=False)
    webhook = pipeline.stored()
    pipeline.config.edit_webhook("acme", "wh_1", {"failing_event_id": None})
    earlier = rfc3339(clock.at - timedelta(days=1))
    pipeline.log.put_event_once(StoredEvent("acme", "None", "message.incoming", "{}", earlier))
    if missed:  # as by a crash before it was begun: the first 200 makes up for it
        pipeline.config.edit_webhook("acme", "wh_1", {"catch_up": True})
        recover(pipeline, clock)
    else:
        assert account.call("PATCH", PATH, {"catch_up": True}).status == 200
    begun = catch_ups().read("wh_1")
    assert begun
    assert begun.since == rfc3339(parse_time(str(webhook.failing_since)) - EARLIER)


def test_what_is_too_old_is_left_failed(
    pipeline: Pipeline, clock: Clock, sent: Sent, outage: Callable[..., list[str]]
) -> None:
    outage(3, minutes_ago=50, catch_up_hours=1)
    clock.at += timedelta(minutes=14)
    recover(pipeline, clock)
    release()
    assert [event_id[:4] for _, event_id, _ in sent] == ["last"]


@pytest.mark.parametrize(("call", "at"), [("send_message_batch", 1), ("put_item", 1), ("put_item", 2), ("query", 2)])
def test_cut_off_anywhere_it_goes_on_within_a_minute(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    at: int,
) -> None:
    failed = outage(3)
    recover(pipeline, clock)
    used = client("sqs" if call.startswith("send") else "dynamodb")
    with monkeypatch.context() as broken:
        real, calls = getattr(used, call), iter(range(1, 1000))

        def fails(**request: Any) -> Any:
            if next(calls) >= at:
                raise TimeoutError(call)
            return real(**request)

        broken.setattr(used, call, fails)
        release()
    clock.at += timedelta(minutes=1)
    release()
    assert state(account)[0] == "done"
    assert {event_id for _, event_id, _ in sent} == set(failed)
    rounds = {event_id: delivery_lists().page("wh_1", limit=10, after=None) for event_id in failed}
    assert all(
        delivery.round == 2 and delivery.status == "pending"
        for page in rounds.values()
        for delivery in page.deliveries
        if delivery.event_id in failed
    )


@pytest.mark.parametrize("person", [False, True])
def test_an_outage_that_ends_before_a_crash_in_it_is_made_good_is_caught_up_too(
    pipeline: Pipeline,
    clock: Clock,
    sent: Sent,
    account: Api,
    outage: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    person: bool,
) -> None:
    """The crash: the webhook is marked, and catching up has not begun. The first event came three hours before."""

    def crash() -> None:
        raise ConnectionError("the network went away")

    before_it_is_written(monkeypatch, crash)
    with pytest.raises(ConnectionError):
        outage(3, minutes_ago=180, last_minutes_ago=180)
    if person:
        account.call("PATCH", PATH, {"enabled": True})
    else:
        with aws_calls() as calls:
            recover(pipeline, clock)
        assert "BatchGetItem" in calls
        assert "GetItem" not in calls, "deliver's role may not"
    release()
    assert sorted(event_id[:4] for _, event_id, _ in sent) == ["e000", "e001", "e002", "last"]
    assert state(account)[0] == "done"


def test_a_persons_recovery_at_the_same_time_sends_nothing_twice(
    pipeline: Pipeline, clock: Clock, sent: Sent, account: Api, outage: Callable[..., list[str]]
) -> None:
    failed = outage(3)
    recover(pipeline, clock)
    since = {"since": rfc3339(clock.at - timedelta(hours=1))}
    assert account.post(f"{PATH}/recover", since).json["enqueued"] == 4
    release()
    assert sorted(event_id for _, event_id, _ in sent) == sorted(failed)
    assert state(account)[0] == "done"


def test_what_a_probe_costs(clock: Clock, sent: Sent, outage: Callable[..., list[str]]) -> None:
    """As docs/cost.md says, more than a minute without a probe, without the attempt."""
    outage(0)
    with aws_calls() as idle:
        release()
    clock.at += timedelta(minutes=15)
    with aws_calls() as probing:
        release()
    assert len(sent) == 1
    reads, writes = ("GetItem", "BatchGetItem", "Query"), ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
    assert sum(probing[call] - idle[call] for call in reads) == 6
    assert sum(probing[call] - idle[call] for call in writes) == 2
    assert probing["SendMessageBatch"] == 1


def test_a_webhook_that_does_not_catch_up_costs_what_it_did(
    pipeline: Pipeline, clock: Clock, outage: Callable[..., list[str]]
) -> None:
    def calls_of(**values: Any) -> tuple[dict[str, int], dict[str, int]]:
        _reopen(pipeline)
        with aws_calls() as failing:
            outage(0, **values)
        with aws_calls() as recovering:
            recover(pipeline, clock)
        clock.at += timedelta(minutes=1)
        return dict(failing), dict(recovering)

    without, catching_up = calls_of(catch_up=False), calls_of(catch_up=True)
    assert catching_up[0].get("PutItem", 0) == without[0].get("PutItem", 0) + 1
    assert catching_up[1].get("UpdateItem", 0) == without[1].get("UpdateItem", 0) + 2
    for name in ("GetItem", "Query"):
        assert [calls.get(name) for calls in catching_up] == [calls.get(name) for calls in without]


def _reopen(pipeline: Pipeline) -> None:
    """So that the delivery which makes the webhook fail can be made anew."""
    pipeline.webhook("https://localhost:1/")
