"""`POST /v1/events/batch`: all of up to 100 events, or none; on the bus in as few entries as they fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from api.publishing import packed
from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.test_api_events import DATA, EVENT, platform, published
from tests.integration.test_api_refusals import cpu
from webhooks.clients import client

__all__ = ["platform", "published"]
PATH = "/v1/events/batch"
EVENTBRIDGE_UNIT = 64 * 1024


def events_on(aws: Aws, queue: str) -> list[list[dict[str, Any]]]:
    """Of each entry on the bus."""
    entries = [json.loads(message["Body"]) for message in aws.messages(queue)]
    assert {(entry["source"], entry["detail-type"]) for entry in entries} == {("aisoule", "batch")}
    return [entry["detail"]["events"] for entry in entries]


def test_a_hundred_small_events_are_one_entry_as_the_contract_says(aws: Aws, platform: Api, published: str) -> None:
    given = [EVENT | {"account_id": f"acme{n % 3}", "id": f"order-{n}"} for n in range(100)]
    given[7] |= {"timestamp": "2026-05-29T12:30:00.9+02:00"}
    answer = platform.post(PATH, {"events": given})
    assert (answer.status, answer.json) == (202, {"ids": [f"order-{n}" for n in range(100)]})
    (events,) = events_on(aws, published)
    assert [event | {"timestamp": None} for event in events] == [event | {"timestamp": None} for event in given]
    assert events[7]["timestamp"] == "2026-05-29T10:30:00Z"


def test_a_hundred_events_in_a_call_cost_less_cpu_than_ten_calls(platform: Api) -> None:
    together = cpu(lambda: platform.post(PATH, {"events": [EVENT] * 100}))
    assert together < 10 * cpu(lambda: platform.post("/v1/events", EVENT))


def test_ids_are_minted_where_none_are_given(platform: Api) -> None:
    ids = platform.post(PATH, {"events": [EVENT, EVENT | {"id": "mine"}, EVENT]}).json["ids"]
    assert ids[1] == "mine"
    assert len(set(ids)) == 3
    assert all(id.startswith("evt_") for id in (ids[0], ids[2]))


def test_what_fanout_takes_from_it_is_what_was_published(aws: Aws, platform: Api, published: str) -> None:
    from fanout.handler import lambda_handler
    from tests.integration.pipeline import Pipeline

    pipeline = Pipeline(aws)
    pipeline.webhook("https://localhost:1/")
    ids = platform.post(PATH, {"events": [EVENT, EVENT | {"data": {**DATA, "text": "na\u00efve \U0001f642"}}]}).json[
        "ids"
    ]
    (message,) = aws.messages(published)
    lambda_handler(json.loads(message["Body"]), None)
    stored = [pipeline.log.event("acme", id) for id in ids]
    assert [json.loads(event.body)["data"]["text"] for event in stored if event] == [
        DATA["text"],
        "na\u00efve \U0001f642",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"data": {**DATA, "message_id": ""}}, "events[3].data.message_id"),
        ({"data": []}, "events[3].data"),
        ({"data": {**DATA, "text": "x" * 65_536}}, "events[3].data"),
        ({"data": {**DATA, "text": "\ud83d"}}, "events[3].data"),
        ({"account_id": "a#b"}, "events[3].account_id"),
        ({"event": "message.unknown"}, "events[3].event"),
        ({"id": "a b"}, "events[3].id"),
        ({"timestamp": "yesterday"}, "events[3].timestamp"),
        ({"extra": 1}, "events[3].extra"),
    ],
)
def test_one_bad_event_is_named_and_none_is_accepted(
    aws: Aws, platform: Api, published: str, change: dict[str, Any], field: str
) -> None:
    answer = platform.post(PATH, {"events": [EVENT, EVENT, EVENT, EVENT | change, EVENT]})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert aws.messages(published) == []


def test_every_bad_event_is_named(platform: Api) -> None:
    answer = platform.post(PATH, {"events": [EVENT | {"data": {}}] * 30})
    assert [error["field"] for error in answer.json["errors"]] == [f"events[{n}].data.message_id" for n in range(20)]


@pytest.mark.parametrize("events", [[], [EVENT] * 101, EVENT, None])
def test_it_takes_1_to_100(platform: Api, events: Any) -> None:
    answer = platform.post(PATH, {"events": events})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "events")


def test_a_body_may_have_1_mib(platform: Api) -> None:
    text = json.dumps({"events": [EVENT | {"data": {**DATA, "text": "x" * 60_000}}] * 15})
    whole = text + " " * (1024 * 1024 - len(text))
    assert platform.call("POST", PATH, text=whole).status == 202
    assert platform.call("POST", PATH, text=whole + " ").status == 413


def entry_bytes(detail: str) -> int:
    return len("aisoule") + len("batch") + len(detail.encode())


@pytest.mark.parametrize("text", ["x" * 1000, "\u00ef" * 1000, "\U0001f642" * 1000], ids=["1 byte", "2", "4"])
def test_an_entry_is_billed_once_and_as_full_as_may_be(text: str) -> None:
    events = [{"id": f"e{n}", "text": text} for n in range(300)]
    entries = list(packed(events))
    assert [event for entry in entries for event in json.loads(entry)["events"]] == events
    assert all(entry_bytes(entry) < EVENTBRIDGE_UNIT for entry in entries)
    one = len(json.dumps(events[-1], ensure_ascii=False).encode())
    assert all(entry_bytes(entry) + one > EVENTBRIDGE_UNIT - 1500 for entry in entries[:-1])


def test_large_events_have_entries_of_their_own_in_requests_that_the_bus_takes(
    platform: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[list[Any]] = []
    real = client("events").put_events

    def recording(**request: Any) -> Any:
        requests.append(request["Entries"])
        return real(**request)

    monkeypatch.setattr(client("events"), "put_events", recording)
    data = {**DATA, "text": "x" * 60_000}
    assert platform.post(PATH, {"events": [EVENT, *[EVENT | {"data": data}] * 12]}).status == 202
    assert sum(len(entries) for entries in requests) == 12
    for entries in requests:
        assert len(entries) <= 10
        assert sum(entry_bytes(entry["Detail"]) for entry in entries) < 256 * 1024


@pytest.mark.parametrize(("refusals", "status"), [(1, 202), (2, 503)])
def test_refused_entries_are_put_again_and_then_it_is_a_503(
    platform: Api, monkeypatch: pytest.MonkeyPatch, refusals: int, status: int
) -> None:
    put: list[list[str]] = []

    def refusing_the_second(**request: Any) -> dict[str, Any]:
        put.append([json.loads(entry["Detail"])["events"][0]["id"] for entry in request["Entries"]])
        refused = [len(put) <= refusals and id == "evt_1" for id in put[-1]]
        answers = [{"ErrorCode": "ThrottlingException"} if r else {"EventId": "e"} for r in refused]
        return {"FailedEntryCount": sum(refused), "Entries": answers}

    monkeypatch.setattr(client("events"), "put_events", refusing_the_second)
    data = {**DATA, "text": "x" * 60_000}
    events = [EVENT | {"id": f"evt_{n}", "data": data} for n in range(3)]
    assert platform.post(PATH, {"events": events}).status == status
    assert put == [["evt_0", "evt_1", "evt_2"], ["evt_1"]]


@pytest.mark.parametrize(("path", "body"), [(PATH, {"events": [EVENT]}), ("/v1/events", EVENT)])
def test_a_bus_that_does_not_answer_is_a_503(
    platform: Api, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    def throttled(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents")

    monkeypatch.setattr(client("events"), "put_events", throttled)
    answer = platform.post(path, body)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(("count", "named"), [(1, {"event_id": "order-0"}), (2, {"event_ids": ["order-0", "order-1"]})])
def test_the_calls_log_line_names_its_events(
    platform: Api, caplog: pytest.LogCaptureFixture, count: int, named: dict[str, Any]
) -> None:
    platform.post(PATH, {"events": [EVENT | {"id": f"order-{n}"} for n in range(count)]})
    (line,) = [vars(record) for record in caplog.records if record.msg == "call.answered"]
    assert {name: value for name, value in line.items() if name.startswith("event_id")} == named
