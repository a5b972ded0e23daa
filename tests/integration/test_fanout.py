"""An event on the bus becomes one message for every webhook that wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import Pipeline, record_of
from webhooks.messages import from_record

EVENT = json.loads((Path(__file__).parent.parent / "events" / "eventbridge.json").read_text())


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    return Pipeline(aws)


def fan_out(**changes: Any) -> None:
    from fanout.handler import lambda_handler

    detail = EVENT["detail"] | changes.pop("detail", {})
    lambda_handler(EVENT | {"detail": detail} | changes, None)


def test_every_enabled_subscribed_webhook_of_the_account_gets_a_message(pipeline: Pipeline) -> None:
    url = "https://localhost:1/"
    pipeline.webhook(url, "wh_1")
    pipeline.webhook(url, "wh_2", status="failing")
    pipeline.webhook(url, "wh_3", status="disabled")
    pipeline.webhook(url, "wh_4", events=["contact.created"])
    pipeline.webhook(url, "wh_5", account_id="acme2")
    fan_out()
    received = pipeline.aws.messages(pipeline.aws.delivery_queue)
    messages = [from_record(record_of(message), "delivery") for message in received]
    assert sorted(message.webhook_id for message in messages) == ["wh_1", "wh_2"]
    assert {message.body for message in messages} == {
        '{"event":"message.incoming","timestamp":"2026-05-29T10:30:00Z","data":{"message_id":"wamid.xxx",'
        '"text":"na\\u00efve \\ud83d\\ude42","whatsapp_account_id":"uuid"}}'
    }
    assert {message.event_id for message in messages} == {"order-1"}
    assert {message["Attributes"]["MessageGroupId"] for message in received} == {"acme"}
    stored = pipeline.log.event("acme", "order-1")
    assert stored is not None
    assert (stored.body, stored.accepted_at, stored.webhooks) == (messages[0].body, messages[0].accepted_at, 2)


@pytest.mark.parametrize(
    ("data", "wanted_by"),
    [
        ({"whatsapp_account_id": "sales"}, ["wh_all", "wh_both", "wh_sales"]),
        ({"whatsapp_account_id": "support"}, ["wh_all", "wh_both"]),
        ({"whatsapp_account_id": "other"}, ["wh_all"]),
    ],
)
def test_a_webhook_with_whatsapp_accounts_gets_their_events_only(
    pipeline: Pipeline, data: dict[str, Any], wanted_by: list[str]
) -> None:
    filters = {"wh_all": [], "wh_both": ["sales", "support"], "wh_sales": ["sales"]}
    for id, accounts in filters.items():
        pipeline.webhook("https://localhost:1/", id, whatsapp_account_ids=accounts)
    fan_out(detail={"data": EVENT["detail"]["data"] | data})
    messages = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert sorted(message.webhook_id for message in messages) == wanted_by


def test_an_event_that_names_no_whatsapp_account_is_for_webhooks_without_the_filter(pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/", "wh_1", events=["contact.created"], whatsapp_account_ids=["sales"])
    contact = {"detail-type": "contact.created", "detail": {"data": {"contact_id": "uuid"}}}
    fan_out(**contact)
    assert pipeline.log.event("acme", "order-1") is None, "nobody wants it, so it is not stored"
    pipeline.webhook("https://localhost:1/", "wh_2", events=["contact.created"])
    fan_out(**contact)
    (message,) = pipeline.aws.messages(pipeline.aws.delivery_queue)
    assert from_record(record_of(message), "delivery").webhook_id == "wh_2"


def test_what_was_stored_first_wins_and_its_repeat_comes_after_the_first_attempt(
    pipeline: Pipeline, sends: list[list[Any]]
) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out()
    fan_out(detail={"data": EVENT["detail"]["data"] | {"text": "changed"}, "timestamp": "2027-01-01T00:00:00Z"})
    (first,), (again,) = sends
    assert (first["DelaySeconds"], again["DelaySeconds"]) == (0, 10)
    # The round starts anew: for 24 h from now, our own faults do not end it.
    started = [entry["MessageAttributes"].pop("round_started_at")["StringValue"] for entry in (first, again)]
    assert again == first | {"DelaySeconds": 10}
    assert started[0] == first["MessageAttributes"]["accepted_at"]["StringValue"] <= started[1]


def test_without_id_and_time_of_its_own_the_buss_are_taken(pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out(detail={"id": None, "timestamp": None})
    stored = pipeline.log.event("acme", EVENT["id"])
    assert stored is not None
    assert json.loads(stored.body)["timestamp"] == EVENT["time"]


def test_an_event_that_nobody_wants_is_one_read(pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/", "wh_1", events=["contact.created"])
    pipeline.webhook("https://localhost:1/", "wh_2", status="disabled")
    with aws_calls() as calls:
        fan_out()
    assert calls == {"Query": 1, "read Query": 2}
    assert pipeline.log.event("acme", "order-1") is None


def test_what_nobody_wanted_reaches_each_webhook_once_when_it_is_published_again(
    pipeline: Pipeline, sends: list[list[Any]]
) -> None:
    fan_out()
    for id in ("wh_1", "wh_2"):
        pipeline.webhook("https://localhost:1/", id)
    fan_out(detail={"data": EVENT["detail"]["data"] | {"text": "later"}})
    (entries,) = sends
    assert {entry["DelaySeconds"] for entry in entries} == {0}, "nothing is on its way that these could be copies of"
    messages = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert sorted(message.webhook_id for message in messages) == ["wh_1", "wh_2"]
    assert {json.loads(message.body)["data"]["text"] for message in messages} == {"later"}


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> list[list[Any]]:
    """The entries of each SendMessageBatch."""
    from webhooks.clients import client

    seen: list[list[Any]] = []
    sqs = client("sqs")
    real = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        seen.append(request["Entries"])
        return real(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen


def test_25_webhooks_are_three_sends(pipeline: Pipeline, sends: list[list[Any]]) -> None:
    for number in range(25):
        pipeline.webhook("https://localhost:1/", f"wh_{number}")
    fan_out()
    assert sorted(len(entries) for entries in sends) == [5, 10, 10]
    assert len(pipeline.aws.messages(pipeline.aws.delivery_queue)) == 25


@pytest.mark.parametrize(("refusals", "raises"), [(1, False), (2, True)])
def test_refused_entries_are_sent_again_and_then_it_raises(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refusals: int,
    raises: bool,
) -> None:
    from fanout.batch import NotAllSent
    from webhooks.clients import client

    for number in range(3):
        pipeline.webhook("https://localhost:1/", f"wh_{number}")
    sqs = client("sqs")
    real, asked = sqs.send_message_batch, []

    def refusing_the_second(**request: Any) -> Any:
        asked.append(request["Entries"])
        if len(asked) > refusals:
            return real(**request)
        refused = request["Entries"][min(1, len(request["Entries"]) - 1)]
        real(**request | {"Entries": [e for e in request["Entries"] if e is not refused]}) if len(asked) == 1 else None
        return {"Failed": [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]}

    monkeypatch.setattr(sqs, "send_message_batch", refusing_the_second)
    if raises:
        with pytest.raises(NotAllSent, match=r"^1 of 3 messages of 1 events$"):
            fan_out()
    else:
        fan_out()
    sent = [
        from_record(record_of(m), "delivery").webhook_id for m in pipeline.aws.messages(pipeline.aws.delivery_queue)
    ]
    assert sorted(sent) == (["wh_0", "wh_2"] if raises else ["wh_0", "wh_1", "wh_2"])
    (line,) = [vars(record) for record in caplog.records if record.msg == "event.fanned_out"]
    assert (line["account_id"], line["event_id"], line["event"]) == ("acme", "order-1", "message.incoming")
    assert (line["webhooks"], line["unsent"]) == (3, 1 if raises else 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"detail-type": "message.unknown"}, "event"),
        ({"detail": {"account_id": None}}, "account_id"),
        ({"detail": {"account_id": "a#b"}}, "account_id"),
        ({"detail": {"id": 5}}, "id"),
        ({"detail": {"data": None}}, "data"),
        ({"detail": {"data": {"message_id": "x"}}}, "data.whatsapp_account_id"),
        ({"detail": {"timestamp": "now"}}, "timestamp"),
        ({"detail": {"data": EVENT["detail"]["data"] | {"text": "x" * 65_536}}}, "data"),
        ({"detail": {"data": EVENT["detail"]["data"] | {"text": "\ud83d"}}}, "data"),
    ],
)
def test_a_malformed_event_is_kept_with_its_reason_and_not_retried(
    pipeline: Pipeline, changes: dict[str, Any], field: str
) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out(**changes)
    (message,) = pipeline.aws.messages(pipeline.aws.rejected_queue)
    rejected = json.loads(message["Body"])
    assert rejected["reason"]["field"] == field
    assert rejected["event"]["id"] == EVENT["id"]
    assert pipeline.aws.messages(pipeline.aws.delivery_queue) == []


def test_an_event_nested_too_deeply_is_kept_with_its_reason(pipeline: Pipeline) -> None:
    """As deep as the 256 KB of an entry allow, which Python cannot write as JSON. All texts beside are kept."""
    from fanout.handler import lambda_handler

    nested: Any = {}
    for _ in range(5_000 if sys.version_info < (3, 12) else 120_000):
        nested = [nested]
    data = EVENT["detail"]["data"] | {"nested": nested}
    lambda_handler(EVENT | {"detail": EVENT["detail"] | {"data": data}}, None)
    lambda_handler(EVENT | {"detail": nested}, None)
    kept = [json.loads(message["Body"]) for message in pipeline.aws.messages(pipeline.aws.rejected_queue)]
    envelope = {name: value for name, value in EVENT.items() if isinstance(value, str)}
    detail = {name: value for name, value in EVENT["detail"].items() if name != "data"}
    assert kept == [
        {"reason": {"field": "data", "detail": "is nested too deeply"}, "event": envelope | {"detail": detail}},
        {
            "reason": {"field": "detail", "detail": "is not an object; expected account_id and data"},
            "event": envelope | {"detail": {}},
        },
    ]


def test_an_event_that_sqs_could_not_hold_is_kept_in_part(pipeline: Pipeline) -> None:
    """An entry of the bus may have 1 MB, and takes more as JSON of ASCII characters. A message holds 1 MiB."""
    fan_out(detail={"data": EVENT["detail"]["data"] | {"text": "\u00ef" * 300_000}})
    (message,) = pipeline.aws.messages(pipeline.aws.rejected_queue)
    rejected = json.loads(message["Body"])
    assert rejected["reason"]["field"] == "data"
    assert "event" not in rejected
    assert len(rejected["event_cut"]) == 500_000, "which, if each character is escaped, become a million"
    for identified in (EVENT["id"], '"account_id": "acme"', "order-1", "\\u00ef" * 1000):
        assert identified in rejected["event_cut"]


def test_a_rejected_event_that_could_not_be_kept_is_repeated(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webhooks.clients import client

    def failing(**_: Any) -> Any:
        raise RuntimeError("a fault on our side")

    with monkeypatch.context() as broken:
        broken.setattr(client("sqs"), "send_message", failing)
        with pytest.raises(RuntimeError, match="on our side"):
            fan_out(detail={"account_id": None})
    fan_out(detail={"account_id": None})
    assert len(pipeline.aws.messages(pipeline.aws.rejected_queue)) == 1


def test_a_detail_that_is_no_object_is_kept_too(pipeline: Pipeline) -> None:
    from fanout.handler import lambda_handler

    lambda_handler(EVENT | {"detail": "text"}, None)
    (kept,) = [json.loads(message["Body"]) for message in pipeline.aws.messages(pipeline.aws.rejected_queue)]
    reason = {"field": "detail", "detail": "is not an object; expected account_id and data"}
    assert kept == {"reason": reason, "event": EVENT | {"detail": "text"}}


def batch(*events: Any, **changes: Any) -> dict[str, Any]:
    """As EventBridge invokes the function with it."""
    return {**EVENT, "detail-type": "batch", "detail": {"events": list(events)}, **changes}


def element(id: str | None = None, account_id: str = "acme", **changes: Any) -> dict[str, Any]:
    data = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}
    return {"account_id": account_id, "event": "message.incoming", "data": data, "id": id} | changes


def fan_out_batch(*events: Any) -> None:
    from fanout.handler import lambda_handler

    lambda_handler(batch(*events), None)


def test_a_batch_reads_each_account_once_and_sends_across_its_events(pipeline: Pipeline) -> None:
    for account_id in ("acme", "acme2"):
        pipeline.webhook("https://localhost:1/", f"wh_{account_id}", account_id=account_id)
    events = [element(f"evt_{number}", ("acme", "acme2", "nobody")[number % 3]) for number in range(30)]
    with aws_calls() as calls:
        fan_out_batch(*events)
    assert calls == {"Query": 3, "read Query": 2, "PutItem": 20, "SendMessageBatch": 2}
    messages = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    sent = sorted((message.webhook_id, message.account_id, message.event_id) for message in messages)
    wanted = [(event["account_id"], event["id"]) for event in events if event["account_id"] != "nobody"]
    assert sent == sorted((f"wh_{account_id}", account_id, event_id) for account_id, event_id in wanted)


def test_an_event_without_an_id_keeps_the_one_of_its_place_when_the_batch_is_repeated(pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/")
    for _ in range(2):
        fan_out_batch(element(), element(timestamp="2026-01-01T00:00:00Z"))
    messages = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert {message.event_id for message in messages} == {f"{EVENT['id']}-0", f"{EVENT['id']}-1"}
    times = {message.event_id: json.loads(message.body)["timestamp"] for message in messages}
    assert times == {f"{EVENT['id']}-0": EVENT["time"], f"{EVENT['id']}-1": "2026-01-01T00:00:00Z"}


def test_of_two_with_the_same_id_in_a_batch_the_first_is_sent(pipeline: Pipeline) -> None:
    pipeline.webhook("https://localhost:1/")
    data = {"message_id": "wamid.2", "whatsapp_account_id": "uuid"}
    fan_out_batch(
        element("evt_1", event="contact.created", data={"contact_id": "of no interest"}),
        element("evt_1"),
        element("evt_1", data=data),
    )
    (message,) = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert json.loads(message.body)["data"]["message_id"] == "wamid.1"


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (element("bad", event="message.unknown"), "event"),
        (element("bad", event=None), "event"),
        (element("bad", event=["message.incoming"]), "event"),
        (element("bad", event="batch"), "event"),
        (element("bad", account_id="a#b"), "account_id"),
        (element("bad", data={"message_id": "x"}), "data.whatsapp_account_id"),
        (element("bad", timestamp="now"), "timestamp"),
        (element("no id!"), "id"),
        ("text", "detail"),
        (None, "detail"),
    ],
)
def test_a_bad_event_in_a_batch_is_kept_with_its_reason_and_the_others_are_sent(
    pipeline: Pipeline, bad: Any, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.webhook("https://localhost:1/")
    fan_out_batch(element("evt_1"), bad, element("evt_3"))
    (kept,) = [json.loads(message["Body"]) for message in pipeline.aws.messages(pipeline.aws.rejected_queue)]
    assert (kept["reason"]["field"], kept["event"]["id"]) == (field, f"{EVENT['id']}-1")
    (line,) = [vars(record) for record in caplog.records if record.msg == "event.rejected"]
    own_id = isinstance(bad, dict) and bad["id"] == "bad"
    assert line["event_id"] == ("bad" if own_id else kept["event"]["id"])
    assert (line["field"], line["reason"]) == (field, kept["reason"]["detail"])
    if isinstance(bad, dict):
        assert kept["event"]["detail-type"] == bad["event"]
        assert kept["event"]["detail"] == {name: value for name, value in bad.items() if name != "event"}
    sent = [from_record(record_of(m), "delivery") for m in pipeline.aws.messages(pipeline.aws.delivery_queue)]
    assert sorted(message.event_id for message in sent) == ["evt_1", "evt_3"]


@pytest.mark.parametrize("events", [[], [element()] * 501, "text", None])
def test_a_batch_without_a_list_of_events_is_kept_as_it_is(pipeline: Pipeline, events: Any) -> None:
    from fanout.handler import lambda_handler

    lambda_handler(batch(detail={"events": events}), None)
    (kept,) = [json.loads(message["Body"]) for message in pipeline.aws.messages(pipeline.aws.rejected_queue)]
    assert kept["reason"] == {"field": "events", "detail": "must be a list of 1 to 500 events"}
    assert kept["event"]["detail"] == {"events": events}


def test_a_batch_may_have_500_events(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    fan_out_batch(*(element(f"evt_{number}") for number in range(500)))
    fanned_out = [vars(record)["event_id"] for record in caplog.records if record.msg == "event.fanned_out"]
    assert fanned_out == [f"evt_{number}" for number in range(500)]


def test_a_batch_of_which_a_write_failed_is_repeated_whole_and_settles(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, sends: list[list[Any]]
) -> None:
    """The third of five writes: the others are made and sent all the same, and nothing is rejected before all are."""
    from webhooks.clients import client

    pipeline.webhook("https://localhost:1/")
    events = [*(element(f"evt_{number}") for number in range(5)), element("bad", event="unknown")]
    dynamodb = client("dynamodb")
    real = dynamodb.put_item

    def failing(**request: Any) -> Any:
        if request["Item"]["pk"]["S"] == "EVENT#acme#evt_2":
            raise RuntimeError("a fault on our side")
        return real(**request)

    with monkeypatch.context() as broken:
        broken.setattr(dynamodb, "put_item", failing)
        with pytest.raises(RuntimeError, match="on our side"):
            fan_out_batch(*events)
    assert [e["MessageAttributes"]["event_id"]["StringValue"] for ten in sends for e in ten] == [
        "evt_0", "evt_1", "evt_3", "evt_4",
    ]  # fmt: skip
    sends.clear()
    assert not pipeline.aws.messages(pipeline.aws.rejected_queue)
    assert [pipeline.log.event("acme", f"evt_{number}") is not None for number in range(5)] == [1, 1, 0, 1, 1]
    fan_out_batch(*events)
    delays = {e["MessageAttributes"]["event_id"]["StringValue"]: e["DelaySeconds"] for ten in sends for e in ten}
    assert delays == {"evt_2": 0, "evt_0": 10, "evt_1": 10, "evt_3": 10, "evt_4": 10}
    assert len(pipeline.aws.messages(pipeline.aws.rejected_queue)) == 1


@pytest.mark.parametrize(("call", "about"), [("query", "ACCOUNT#other"), ("update_item", "PACE#wh_other")])
def test_what_fails_for_one_account_holds_up_no_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, sends: list[list[Any]], call: str, about: str
) -> None:
    from webhooks.clients import client

    pipeline.webhook("https://localhost:1/")
    pipeline.webhook("https://localhost:1/", "wh_other", account_id="other", max_per_second=1)
    dynamodb = client("dynamodb")
    real = getattr(dynamodb, call)

    def failing(**request: Any) -> Any:
        if about in str(request):
            raise RuntimeError("a fault on our side")
        return real(**request)

    monkeypatch.setattr(dynamodb, call, failing)
    with pytest.raises(RuntimeError, match="on our side"):
        fan_out_batch(element("evt_0", account_id="other"), element("evt_1"))
    assert [e["MessageAttributes"]["event_id"]["StringValue"] for ten in sends for e in ten] == ["evt_1"]


def test_of_several_faults_the_first_is_raised_and_all_are_logged(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sends: list[list[Any]]
) -> None:
    """Of any step, and of what is rejected."""
    from webhooks.clients import client

    pipeline.webhook("https://localhost:1/")
    pipeline.webhook("https://localhost:1/", "wh_paced", max_per_second=1)
    dynamodb, sqs = client("dynamodb"), client("sqs")

    def failing_for(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def failing(**request: Any) -> Any:
            if what in str(request):
                raise RuntimeError(what)
            return real(**request)

        return failing

    for call, what in (("query", "ACCOUNT#other"), ("put_item", "EVENT#acme#evt_1"), ("update_item", "PACE#wh_paced")):
        monkeypatch.setattr(dynamodb, call, failing_for(what, getattr(dynamodb, call)))

    def refusing(**request: Any) -> Any:
        raise RuntimeError(request["QueueUrl"].rpartition("/")[2])

    with monkeypatch.context() as broken:
        broken.setattr(sqs, "send_message_batch", refusing)
        with pytest.raises(RuntimeError, match="ACCOUNT#other"):
            fan_out_batch(element("evt_0", account_id="other"), element("evt_1"), element("evt_2"))
    assert logged_faults(caplog) == ["ACCOUNT#other", "EVENT#acme#evt_1", "PACE#wh_paced", "delivery"]
    caplog.clear()
    with monkeypatch.context() as broken:
        broken.setattr(sqs, "send_message", refusing)
        with pytest.raises(RuntimeError, match="rejected"):
            fan_out_batch(element("bad_1", event="unknown"), element("bad_2", event="unknown"))
    assert logged_faults(caplog) == ["rejected", "rejected"]


def logged_faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    faults = [record.exc_info for record in caplog.records if record.msg == "fanout.our_fault"]
    return [str(fault[1]) for fault in faults if fault]
