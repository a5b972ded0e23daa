"""The cost model by hand, and the charts' arithmetic: what the benchmarks say of money must be right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import idle
from bench.cost import Load, Measured, deliver_ms, fanout_ms, per_million
from bench.measure import quantile
from bench.sizes import item_bytes

MEASURED = Measured(
    deliver_batch_ms=0, deliver_each_ms=2, fanout_event_ms=4, fanout_each_ms=1, event_item=900, delivery_item=400,
    webhook_item=500, message=600, post=1000, fanout_log=300, deliver_batch_log=0, deliver_each_log=300, platform_log=200,
)  # fmt: skip
LOAD = Load(fan_out=1, batch=10, latency_ms=300, memory_mb=1769)


def test_a_million_deliveries_by_hand() -> None:
    """A function of 1,769 MB has a whole CPU: a millisecond measured is one there."""
    assert fanout_ms(LOAD, MEASURED) == 4 + 1 + 2 * 5 + 10
    assert deliver_ms(LOAD, MEASURED) == 10 * 2 + 300 + 2 * 5
    gb = 1769 / 1024 * 0.0000133334
    assert per_million(LOAD, MEASURED) == pytest.approx(
        {
            "EventBridge": 1.00,
            "Lambda fanout": 0.20 + 1e6 * 0.025 * gb,
            "Lambda deliver": 0.02 + 1e5 * 0.330 * gb,
            "SQS": (1 + 0.1 + 0.1) * 0.50,
            "DynamoDB writes": (1 + 1) * 0.625,
            "DynamoDB reads": (1 + 2) * 0.125,
            "Logs": (300 + 200 + 300 + 20) / 1e3 * (0.50 + 0.03),
            "Table storage, 30 days": (1000 + 500) / 1e3 * 0.45,
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


def test_dead_endpoints_are_attempted_four_times_and_hold_up_their_batch() -> None:
    load = replace(LOAD, dead=1.0)
    assert deliver_ms(load, MEASURED) == 10 * 2 + 5000 + 2 * 5
    parts = per_million(load, MEASURED)
    # Four attempts; then a transaction on the delivery and its webhook, two units each, and the index.
    assert parts["DynamoDB writes"] == pytest.approx((1 + 4 + 2 * 2 + 1) * 0.625)
    # Of a batch of ten: four times received, deleted (as if some were to delete), hidden; once more as a dead letter.
    assert parts["SQS"] == pytest.approx((1 + 0.8 + 0.4 + 0.2) * 0.50)


def test_idle_is_the_polling_and_what_is_rented_by_the_month() -> None:
    there = {"AWS::Lambda::EventSourceMapping": 2, "AWS::CloudWatch::Alarm": 12, "AWS::CloudWatch::Dashboard": 1}
    polls = 2 * 5 * 3 * 60 * 24 * 30
    assert sum(idle.monthly(there).values()) == pytest.approx(polls * 0.40e-6 + 12 * 0.10 + 3.00)
    assert idle.after_allowances(there) == pytest.approx((polls - 1_000_000) * 0.40e-6 + 2 * 0.10)


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    item = {"pk": {"S": "abc"}, "n": {"N": "1234"}, "l": {"L": [{"S": "xy"}]}, "m": {"M": {"a": {"BOOL": True}}}}
    assert item_bytes(item) == (2 + 3) + (1 + 4) + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 1 + 1)


def test_quantiles() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1.0)) == (51, 96, 100)
