"""The canary: its own webhook, an event on the bus, and what it counts if the event arrives, or does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import canary.handler
from canary.handler import ACCOUNT_ID, ARRIVES_SECONDS, lambda_handler
from tests.integration.conftest import Aws
from tests.integration.test_telemetry import metrics, write_lines_too, written
from webhooks.clients import client
from webhooks.inboxes import Inboxes
from webhooks.models import Webhook, token_sha256
from webhooks.webhook_lists import WebhookLists

Run = Callable[[], list[dict[str, Any]]]
BASE = "https://webhooks.example.com/in"


class Waiting:
    """The function's time, which passes while it sleeps; and what happens then."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.happens: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.happens()


@pytest.fixture
def waiting(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    waiting = Waiting()
    monkeypatch.setattr(canary.handler, "time", SimpleNamespace(monotonic=waiting.monotonic, sleep=waiting.sleep))
    monkeypatch.setenv("INBOX_URL", BASE)
    return waiting


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the function once, and returns the lines that it wrote."""

    def run() -> list[dict[str, Any]]:
        write_lines_too(monkeypatch)
        lambda_handler({}, None)
        return written(capsys)

    return run


@pytest.fixture
def published(aws: Aws) -> list[dict[str, Any]]:
    """The entries that were put onto the bus."""
    seen: list[dict[str, Any]] = []
    client("events").meta.events.register(
        "provide-client-params.events.PutEvents", lambda params, **_: seen.extend(params["Entries"])
    )
    return seen


def webhooks(aws: Aws) -> list[Webhook]:
    return WebhookLists(aws.dynamodb, aws.config_table).page(ACCOUNT_ID, limit=10)[0]


def arrive(aws: Aws, event_id: str) -> None:
    (webhook,) = webhooks(aws)
    headers = {"webhook-id": event_id}
    Inboxes(aws.dynamodb, aws.config_table, aws.log_table).store(webhook, headers, b"{}", ["webhook-signature"])


def id_of(entry: dict[str, Any]) -> str:
    return str(json.loads(entry["Detail"])["id"])


def test_an_event_that_arrives_is_not_missed(
    aws: Aws, waiting: Waiting, published: list[dict[str, Any]], run: Run
) -> None:
    waiting.happens = lambda: arrive(aws, id_of(published[-1])) if waiting.seconds == 3 else None
    lines = run()
    assert metrics(lines)["CanaryMissed"] == [0]
    assert (lines[0]["message"], lines[0]["event_id"], lines[0]["ms"]) == ("canary.arrived", id_of(published[0]), 3000)
    (entry,) = published
    assert (entry["Source"], entry["EventBusName"], entry["DetailType"]) == ("aisoule", aws.bus, "message.incoming")
    assert json.loads(entry["Detail"])["account_id"] == ACCOUNT_ID


def test_it_makes_one_webhook_and_keeps_it(
    aws: Aws, waiting: Waiting, published: list[dict[str, Any]], run: Run
) -> None:
    waiting.happens = lambda: arrive(aws, id_of(published[-1]))
    run()
    (made,) = webhooks(aws)
    run()
    assert [webhook.id for webhook in webhooks(aws)] == [made.id]
    assert made.has_test_address
    assert made.url.startswith(f"{BASE}/")
    assert id_of(published[0]) != id_of(published[1])


@pytest.mark.long
def test_an_event_that_does_not_arrive_within_60_s_is_missed(
    aws: Aws, waiting: Waiting, published: list[dict[str, Any]], run: Run
) -> None:
    """Others do: of earlier runs, say."""
    waiting.happens = lambda: arrive(aws, f"evt_{waiting.seconds}")
    lines = run()
    assert metrics(lines)["CanaryMissed"] == [1]
    assert (lines[0]["level"], lines[0]["message"]) == ("ERROR", "canary.missed")
    assert ARRIVES_SECONDS == 60 <= waiting.seconds < 62


def test_a_fault_of_its_own_counts_as_missed(
    aws: Aws, waiting: Waiting, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(client("events"), "put_events", lambda **_: {"FailedEntryCount": 1})
    lines = run()
    assert metrics(lines)["CanaryMissed"] == [1]
    assert (lines[0]["message"], lines[0]["exception_name"]) == ("canary.our_fault", "NotSent")


def test_its_address_moves_with_the_api(
    aws: Aws, waiting: Waiting, published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    waiting.happens = lambda: arrive(aws, id_of(published[-1]))
    run()
    (before,) = webhooks(aws)
    monkeypatch.setenv("INBOX_URL", "https://other.example.com/in")
    run()
    (after,) = webhooks(aws)
    assert after.url == before.url.replace(BASE, "https://other.example.com/in") != before.url
    assert after.has_test_address
    assert after.inbox == before.inbox == token_sha256(after.url.rpartition("/")[2])
