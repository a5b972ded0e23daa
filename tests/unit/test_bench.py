"""The cost model by hand, and the charts' arithmetic: what the benchmarks say of money must be right."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from api import statistics_routes
from bench import cost_page, idle, month, others, retry_fill
from bench.cost import per_million, unwanted
from bench.durations import deliver_ms, fanout_ms, unwanted_ms
from bench.load import Load, Measured
from bench.measure import quantile
from bench.sizes import item_bytes
from deliver.failures import METRICS
from local.emulator import ROOT
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.items import delivery_item
from webhooks.models import new_id

MEASURED = Measured(
    deliver_batch_ms=0, deliver_each_ms=2, fanout_event_ms=4, fanout_each_ms=1, fanout_tens_ms=3, fanout_unwanted_ms=2,
    event_item=900, delivery_item=400, dead_item=700, webhook_item=500, message=600, post=1000, fanout_log=300,
    fanout_tens_log=200, unwanted_log=150, deliver_batch_log=0, deliver_each_log=300, failed_log=350,
)  # fmt: skip
LOAD = Load(fan_out=1, batch=10, latency_ms=300, memory_mb=1769)
GB_MS = 1769 / 1024 / 1000 * 0.0000133334
"""Dollars for a millisecond."""
AT = "2026-05-29T10:30:00.123Z"
REFUSED = Attempt(1, 1, AT, 120, 500, "answered 500, expected 200", "x" * 1024, "status")


def test_a_million_deliveries_by_hand() -> None:
    """A function of 1,769 MB has a whole CPU: a millisecond measured is one there."""
    assert fanout_ms(LOAD, MEASURED) == 4 + 1 + 2 * 5 + 10
    assert deliver_ms(LOAD, MEASURED) == 10 * 2 + 300 + 2 * 5
    assert per_million(LOAD, MEASURED) == pytest.approx(
        {
            "EventBridge": 1.00,
            "Lambda fanout": 0.20 + 1e6 * 25 * GB_MS,
            "Lambda deliver": 0.02 + 1e5 * 330 * GB_MS,
            "SQS": (1 + 0.1 + 0.1) * 0.50,
            "DynamoDB writes": (1 + 1) * 0.625,
            "DynamoDB reads": (1 + 2) * 0.125,
            "Logs": (300 + 300) / 1e3 * (0.50 + 0.03),
            "Table storage, 30 days": (1000 + 500) / 1e3 * 0.25,
            "Sent to endpoints": 0.09,
        }
    )


def test_a_wider_fan_out_shares_the_event() -> None:
    """Of 25 webhooks, 12,500 bytes, the account's query reads four units; they take three sends."""
    parts = per_million(replace(LOAD, fan_out=25), MEASURED)
    assert parts["EventBridge"] == pytest.approx(1.00 / 25)
    assert parts["SQS"] == pytest.approx((3 / 25 + 0.2) * 0.50)
    assert parts["DynamoDB writes"] == pytest.approx((1 / 25 + 1) * 0.625)
    assert parts["DynamoDB reads"] == pytest.approx((4 / 25 + 2) * 0.125)


def test_events_that_come_in_tens_share_an_entry_an_invocation_and_a_send() -> None:
    tens, one = (per_million(replace(LOAD, together=together), MEASURED) for together in (10, 1))
    assert tens["EventBridge"] == pytest.approx(0.10)
    assert tens["Lambda fanout"] == pytest.approx(0.02 + 1e5 * (10 * 3 + 2 * 5 + 10) * GB_MS)
    assert tens["SQS"] == pytest.approx((0.1 + 0.1 + 0.1) * 0.50)
    assert tens["Logs"] == pytest.approx((200 + 300) / 1e3 * 0.53)
    # Each is of another account, and is stored and delivered by itself.
    same = set(tens) - {"EventBridge", "Lambda fanout", "SQS", "Logs"}
    assert {part: tens[part] for part in same} == {part: one[part] for part in same}


@pytest.mark.parametrize(("others", "units"), [(0, 1), (8, 1), (9, 2)])
def test_an_event_that_nobody_wants_is_read_and_logged(others: int, units: int) -> None:
    """A query that finds nothing takes a unit as well."""
    assert unwanted_ms(LOAD, MEASURED) == 2 + 5
    assert unwanted(replace(LOAD, others=others), MEASURED) == pytest.approx(
        {
            "EventBridge": 1.00,
            "Lambda fanout": 0.20 + 1e6 * 7 * GB_MS,
            "DynamoDB reads": units * 0.125,
            "Logs": 150 / 1e3 * 0.53,
        }
    )


def test_dead_endpoints_are_attempted_four_times_in_batches_of_their_own() -> None:
    parts = per_million(replace(LOAD, dead=1.0), MEASURED)
    # Four attempts, 40 in a batch of the retry queue; ten dead letters in a batch, one read and written after the other.
    retries, dead_letters = 40 * 2 + 5000 + 2 * 5, 10 * 2 + 10 * (5 + 5)
    assert parts["Lambda deliver"] == pytest.approx(
        0.1 * 0.20 + 1e5 * retries * GB_MS + 0.02 + 1e5 * dead_letters * GB_MS
    )
    # The event, four attempts, the last status, and once the index. Its webhook is failing already.
    assert parts["DynamoDB writes"] == pytest.approx((1 + 4 + 1 + 1) * 0.625)
    # By ten: four times received; hidden three times, then sent and deleted; received and deleted as a dead letter.
    assert parts["SQS"] == pytest.approx((1 + 0.4 + 0.3 + 0.2 + 0.2) * 0.50)
    assert parts["Logs"] == pytest.approx((300 + 5 * 350) / 1e3 * 0.53)


def test_dead_endpoints_make_the_others_no_dearer() -> None:
    alive, dead, mixed = (per_million(replace(LOAD, dead=share), MEASURED) for share in (0.0, 1.0, 0.1))
    assert mixed == pytest.approx({part: 0.9 * alive[part] + 0.1 * dead[part] for part in alive})


@pytest.mark.long
def test_batches_of_retries_fill_when_all_that_may_run_are_busy() -> None:
    """One at a time is alone in its batch; two batches of 5.1 s take 15 attempts a second at most when they are full."""
    assert retry_fill.average_batch(0.001, 2) == pytest.approx(1, abs=0.1)
    assert retry_fill.average_batch(4, 2) == pytest.approx(40, abs=0.5)
    assert retry_fill.average_batch(1, 2) > retry_fill.average_batch(1, 50)


def test_a_month_pays_for_what_is_delivered_and_for_what_nobody_wanted() -> None:
    customer = month.Customer(accounts=100, subscribed=20, events_a_day=500, dead=0.0)
    assert (customer.events, customer.deliveries) == (1_500_000, 300_000)
    skipping, all_events = (
        month.dollars(customer, MEASURED, together=1, skipping=skipping) for skipping in (True, False)
    )
    assert all_events - skipping == pytest.approx(1.2 * sum(unwanted(month.LOW, MEASURED).values()))


def test_idle_is_the_polling_and_what_is_rented_by_the_month() -> None:
    there = {idle.BOUNDED: 2, idle.UNBOUNDED: 1, idle.ALARM: 12, idle.DASHBOARD: 1}
    polls = (2 * 5 + 2) * 3 * 60 * 24 * 30
    assert sum(idle.monthly(there).values()) == pytest.approx(polls * 0.40e-6 + 12 * 0.10 + 3.00)
    assert idle.after_allowances(there) == pytest.approx((polls - 1_000_000) * 0.40e-6 + 2 * 0.10)


def test_the_custom_metrics_that_are_paid_for_are_those_that_the_functions_count() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    calls = re.findall(r"\b(?:count|count_done|observe)\((.*)\)\n", sources)
    named = {name for call in calls for name in re.findall(r'"([A-Z][A-Za-z]+)"', call)}
    causes = {f"Failed{cause}" for cause in {*METRICS.values(), "Connection"}}
    assert {"Delivered", "DeliveryLatency", "SlowLaneLeft", "GivenUp"} <= named
    assert len((named - {"Connection"} | causes) - set(cost_page.OPTIONAL)) == cost_page.METRICS
    assert set(cost_page.OPTIONAL) <= named


def test_every_other_price_has_a_source_and_a_date() -> None:
    assert {other.name.split()[0].strip(",") for other in others.OTHERS} == {
        "EventBridge", "Hookdeck", "Svix", "Convoy", "Hook0",
    }  # fmt: skip
    assert all(other.source and other.date for other in others.OTHERS)


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    item = {"pk": {"S": "abc"}, "n": {"N": "1234"}, "l": {"L": [{"S": "xy"}]}, "m": {"M": {"a": {"BOOL": True}}}}
    assert item_bytes(item) == (2 + 3) + (1 + 4) + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 1 + 1)


@pytest.mark.parametrize(
    ("status", "attempts", "in_ten_megabytes"),
    [
        ("delivered", [Attempt(1, 1, AT, 120, 200, response_body="ok")], 30_000),
        ("failed", [REFUSED] * 4, 2_000),
    ],
)
def test_statistics_reach_as_far_back_as_is_said(
    status: DeliveryStatus, attempts: list[Attempt], in_ten_megabytes: int
) -> None:
    delivery = Delivery(
        webhook_id=new_id("wh"), account_id=str(uuid4()), event_id=new_id("evt"), event="message.incoming", accepted_at=AT,
        status=status, round=1, round_started_at=AT, attempts=attempts, version=len(attempts),
    )  # fmt: skip
    assert in_ten_megabytes <= 10_000_000 // item_bytes(delivery_item(delivery, log_days=30)) < 1.1 * in_ten_megabytes
    assert f"{in_ten_megabytes:,}" in " ".join(str(statistics_routes.get.__doc__).split())


def test_quantiles() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1.0)) == (51, 96, 100)
