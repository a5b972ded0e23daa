"""What the deployed stack costs a month while nobody uses it: read from the template itself."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from bench import prices
from bench.measure import write

POLLERS, UNBOUNDED_POLLERS, POLL_SECONDS = 5, 2, 20
"""
Lambda's long polls of a queue that has nothing. AWS documents five, and that a mapping without a maximum concurrency can do
with as few as two; the bill decides.
"""
MONTH_SECONDS = 30 * 24 * 3600
BOUNDED = "AWS::Lambda::EventSourceMapping"
UNBOUNDED = f"{BOUNDED}, unbounded"
SCHEDULE = "AWS::Events::Rule, by the minute"
ALARM, DASHBOARD, KEY = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::KMS::Key"
PRICED = (BOUNDED, UNBOUNDED, SCHEDULE, ALARM, DASHBOARD, KEY)
MINUTES = MONTH_SECONDS // 60
LOOK_DOLLARS = prices.LAMBDA_REQUEST.dollars + 0.25 * 0.02 * prices.LAMBDA_GB_SECOND.dollars + prices.READ.dollars / 2
"""A look at an empty index, by the release function or the one that erases accounts. Its 20 ms are an estimate."""


def resources() -> dict[str, int]:
    """How many of each kind that costs something while idle. The CDK is only imported here: it takes seconds."""
    import aws_cdk as cdk
    from aws_cdk.assertions import Template

    from infra.app import build

    app = cdk.App(context={"aws:cdk:bundling-stacks": []}, builtin_cloud_formation_validation=False)
    template: dict[str, Any] = dict(Template.from_stack(build(app)).to_json())
    kinds = Counter(_kind(resource) for resource in template["Resources"].values())
    return {kind: kinds[kind] for kind in PRICED if kinds[kind]}


def _kind(resource: dict[str, Any]) -> str:
    """Its type; a mapping without a maximum concurrency is a kind of its own, and so is a rule that fires each minute."""
    if resource["Type"] == BOUNDED and "ScalingConfig" not in resource["Properties"]:
        return UNBOUNDED
    if resource.get("Properties", {}).get("ScheduleExpression") == "rate(1 minute)":
        return SCHEDULE
    return str(resource["Type"])


def polls_a_month(there: dict[str, int]) -> float:
    pollers = POLLERS * there.get(BOUNDED, 0) + UNBOUNDED_POLLERS * there.get(UNBOUNDED, 0)
    return pollers * MONTH_SECONDS / POLL_SECONDS


def monthly(there: dict[str, int]) -> dict[str, float]:
    """Dollars by reason, at list prices. Empty tables, queues, logs, functions and an unused API cost nothing."""
    return {reason: number * price for reason, number, price, _ in _paid(there)} | {
        "point-in-time recovery of empty tables, logs that nobody writes": 0.0
    }


def after_allowances(there: dict[str, int]) -> float:
    """The same in an account that runs nothing else: each month so much of each is free, for good, not for a year."""
    return sum(max(number - free, 0) * price for _, number, price, free in _paid(there))


def _paid(there: dict[str, int]) -> list[tuple[str, float, float, float]]:
    """Reason, how many, the price of one, how many are free."""
    queues = there.get(BOUNDED, 0) + there.get(UNBOUNDED, 0)
    return [
        (f"{queues} queues polled by Lambda", polls_a_month(there), prices.SQS_REQUEST.dollars, 1_000_000),
        (
            "looks each minute for what waits because of a pace, and for accounts to be erased",
            there.get(SCHEDULE, 0) * MINUTES,
            LOOK_DOLLARS,
            0,
        ),
        ("alarms", there.get(ALARM, 0), prices.ALARM_MONTH.dollars, 10),
        ("dashboards", there.get(DASHBOARD, 0), prices.DASHBOARD_MONTH.dollars, 3),
        ("keys of our own", there.get(KEY, 0), prices.KEY_MONTH.dollars, 0),
    ]


if __name__ == "__main__":
    write(sys.argv[1], {"resources": resources()})
