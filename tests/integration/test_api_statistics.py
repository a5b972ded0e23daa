"""How a webhook's deliveries went: equal to a count over the log, by few reads and no write."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import ceil
from random import Random
from typing import Any

import pytest

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.integration.counting import aws_calls
from tests.integration.pipeline import put_items
from tests.integration.quick_moto import AMAZONS_ENGINE
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.items import delivery_item
from webhooks.times import now, parse_time, rfc3339

VALID = {"name": "Orders", "url": "https://localhost:8443/hook", "events": ["message.incoming"]}
STATUSES: list[DeliveryStatus] = ["pending", "retrying", "delivered", "failed", "cancelled"]


@pytest.fixture
def account(api: Api) -> Api:
    return api.of_account("acme")


@pytest.fixture
def webhook_id(account: Api) -> str:
    return str(account.post("/v1/webhooks", VALID).json["id"])


def made(webhook_id: str, number: int, seconds: float, status: DeliveryStatus, *answers: tuple[int, int]) -> Delivery:
    """Of an event accepted so long ago, with attempts that took so many ms and were answered so; 0: not at all."""
    at = rfc3339(now() - timedelta(seconds=seconds))
    attempts = [Attempt(n, 1, at, took, code or None, response_body="") for n, (took, code) in enumerate(answers, 1)]
    return Delivery(
        webhook_id=webhook_id, account_id="acme", event_id=f"evt_{number}", event="message.incoming", accepted_at=at,
        status=status, round=1, round_started_at=at, attempts=attempts, version=1,
    )  # fmt: skip


def fill(aws: Aws, deliveries: list[Delivery]) -> None:
    put_items(aws, [delivery_item(delivery, 30) for delivery in deliveries])


def test_nothing_was_sent(account: Api, webhook_id: str) -> None:
    stats = account.get(f"/v1/webhooks/{webhook_id}/stats").json
    assert (stats["period"], stats["complete"], len(stats["buckets"])) == ("24h", True, 24)
    assert (stats["delivered"], stats["success_rate"], stats["answer_ms"]) == (0, None, None)
    assert parse_time(stats["until"]) - parse_time(stats["since"]) == timedelta(days=1)


@pytest.mark.parametrize(("period", "hours", "buckets"), [("1h", 1, 12), ("24h", 24, 24), ("7d", 168, 28)])
def test_a_period_has_what_was_accepted_in_it_each_in_its_bucket(
    account: Api, webhook_id: str, aws: Aws, period: str, hours: int, buckets: int
) -> None:
    width = hours * 3600 / buckets
    fill(
        aws,
        [
            made(webhook_id, 0, 1, "delivered", (80, 500), (20, 200)),
            made(webhook_id, 1, width + 30, "failed", (5000, 0), (40, 503)),
            made(webhook_id, 2, width + 30, "retrying", (60, 500)),
            made(webhook_id, 3, hours * 3600 - 30, "cancelled"),
            made(webhook_id, 4, hours * 3600 + 30, "failed", (1, 500)),
        ],
    )
    stats = account.get(f"/v1/webhooks/{webhook_id}/stats", period=period).json
    counted = {name: stats[name] for name in ("delivered", "failed", "under_way", "cancelled", "retried")}
    assert counted == {"delivered": 1, "failed": 1, "under_way": 1, "cancelled": 1, "retried": 2}
    assert stats["success_rate"] == 0.5
    assert stats["answer_ms"] == {"p50": 40, "p95": 80, "p99": 80}, "what was not answered took no time to answer"
    assert len(stats["buckets"]) == buckets
    *_, last_but_one, last = stats["buckets"]
    assert (last["delivered"], last["retried"], last_but_one["failed"], last_but_one["under_way"]) == (1, 1, 1, 1)
    assert stats["buckets"][0]["cancelled"] == 1
    for name, total in counted.items():
        assert sum(bucket[name] for bucket in stats["buckets"]) == total
    begins = [parse_time(bucket["since"]) for bucket in stats["buckets"]]
    assert begins[0] == parse_time(stats["since"])
    assert {later - earlier for earlier, later in pairwise(begins)} == {timedelta(seconds=width)}


@pytest.mark.parametrize("period", ["", "2h", "all"])
def test_another_period_is_refused(account: Api, webhook_id: str, period: str) -> None:
    refused = account.get(f"/v1/webhooks/{webhook_id}/stats", period=period)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "period")


def test_since_a_time_only_what_was_accepted_from_then_on(account: Api, webhook_id: str, aws: Aws) -> None:
    deliveries = [made(webhook_id, number, 600 * number + 60, "failed") for number in range(3)]
    fill(aws, deliveries)

    def counted(since: str) -> tuple[int, str, int]:
        stats = account.get(f"/v1/webhooks/{webhook_id}/stats", period="1h", since=since).json
        assert stats["complete"]
        return stats["failed"], stats["since"], sum(bucket["failed"] for bucket in stats["buckets"])

    for number, delivery in enumerate(deliveries):
        assert counted(delivery.accepted_at) == (number + 1, delivery.accepted_at, number + 1)
    failed, since, _ = counted("2026-01-01T00:00:00Z")
    assert (failed, since > "2026-01-01T00:00:01Z") == (3, True), "the period's begin is later"
    assert counted(rfc3339(now() + timedelta(days=1)))[0] == 0


def test_a_since_that_is_no_time_is_refused(account: Api, webhook_id: str) -> None:
    refused = account.get(f"/v1/webhooks/{webhook_id}/stats", since="yesterday")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "since")


def random_deliveries(webhook_id: str, count: int, random: Random) -> Iterator[Delivery]:
    first = made(webhook_id, 0, 0, "delivered")
    at = parse_time(first.accepted_at)
    for number in range(count):
        accepted_at = rfc3339(at - timedelta(seconds=1 + number * 86_000 / count))
        attempts = [
            Attempt(n, 1, accepted_at, random.randrange(5000), random.choice([None, 200, 500]), response_body="")
            for n in range(1, random.choice([1, 1, 1, 1, 2, 4]) + 1)
        ]
        status = random.choice(STATUSES)
        yield replace(first, event_id=f"evt_{number}", accepted_at=accepted_at, status=status, attempts=attempts)


@pytest.mark.long
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])  # moto takes half a minute
def test_the_statistics_are_a_count_over_the_log(account: Api, webhook_id: str, aws: Aws, count: int) -> None:
    deliveries = list(random_deliveries(webhook_id, count, Random(1)))
    fill_directly(aws, deliveries)
    with aws_calls() as calls:
        stats = account.get(f"/v1/webhooks/{webhook_id}/stats").json
    print(f"{count} deliveries: {dict(calls)}, {stats | {'buckets': len(stats['buckets'])}}")
    statuses = Counter(delivery.status for delivery in deliveries)
    answered = sorted(a.duration_ms for d in deliveries for a in d.attempts if a.status_code is not None)
    assert stats["complete"]
    assert (stats["delivered"], stats["failed"]) == (statuses["delivered"], statuses["failed"])
    assert stats["under_way"] == statuses["pending"] + statuses["retrying"]
    assert stats["cancelled"] == statuses["cancelled"]
    assert stats["retried"] == sum(len(delivery.attempts) > 1 for delivery in deliveries)
    rate = statuses["delivered"] / (statuses["delivered"] + statuses["failed"])
    assert stats["success_rate"] == pytest.approx(rate)
    for percent, value in stats["answer_ms"].items():
        rank = ceil(len(answered) * int(percent[1:]) / 100)
        assert sum(duration < value for duration in answered) < rank <= sum(duration <= value for duration in answered)
    begins = [bucket["since"] for bucket in stats["buckets"]]
    for bucket, end in zip(stats["buckets"], [*begins[1:], stats["until"]], strict=True):
        inside = [d for d in deliveries if bucket["since"] <= d.accepted_at < end]
        assert bucket["delivered"] == sum(delivery.status == "delivered" for delivery in inside)
    assert calls["read Query"] == count
    assert calls["Query"] <= 10
    assert calls["Query"] == 1 or count > 500
    assert calls.keys() == {"GetItem", "UpdateItem", "Query", "read Query"}, (
        "the limit per minute is all that is written"
    )


def test_of_more_than_one_call_reads_the_newest_are_counted_and_it_is_said(
    account: Api, webhook_id: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 4000)  # bytes of a read, in place of 1 MB
    deliveries = [made(webhook_id, number, 60 + number, "failed", (20, 500)) for number in range(300)]
    fill_directly(aws, deliveries)
    with aws_calls() as calls:
        stats = account.get(f"/v1/webhooks/{webhook_id}/stats", period="1h").json
    assert (stats["complete"], calls["Query"]) == (False, 10)
    counted = [delivery for delivery in deliveries if delivery.accepted_at >= stats["since"]]
    assert stats["failed"] == len(counted) == calls["read Query"] < 300
    first = stats["buckets"][0]
    assert parse_time(first["since"]) <= parse_time(stats["since"]) < parse_time(first["since"]) + timedelta(minutes=5)


def test_statistics_count_as_pages_of_the_log(account: Api, webhook_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from webhooks.rate_limits import rate_limits

    monkeypatch.setenv("LISTINGS_PER_MINUTE", "5")
    rate_limits.cache_clear()
    statuses = [account.get(f"/v1/webhooks/{webhook_id}/stats").status for _ in range(3)]
    assert statuses == [200, 200, 429]


def fill_directly(aws: Aws, deliveries: list[Delivery]) -> Any:
    """Into moto's table itself: by calls, so many take most of a minute."""
    if AMAZONS_ENGINE in os.environ:
        return fill(aws, deliveries)
    from moto.dynamodb.models import dynamodb_backends

    (backend,) = (of_region["us-east-1"] for of_region in dynamodb_backends.values())
    for delivery in deliveries:
        backend.get_table(aws.log_table).put_item(delivery_item(delivery, 30))
