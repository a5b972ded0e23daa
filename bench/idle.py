"""What the deployed stack costs a month while nobody uses it: read from the template itself."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from bench import prices
from bench.measure import write

POLLERS, POLL_SECONDS = 5, 20
"""Lambda's long polls of a queue that has nothing: as AWS has described them; the bill decides."""
MONTH_SECONDS = 30 * 24 * 3600


def resources() -> dict[str, int]:
    """How many of each type. The CDK is only imported here: it takes seconds."""
    import aws_cdk as cdk
    from aws_cdk.assertions import Template

    from infra.app import build

    app = cdk.App(context={"aws:cdk:bundling-stacks": []})
    template: dict[str, Any] = dict(Template.from_stack(build(app)).to_json())
    return dict(Counter(resource["Type"] for resource in template["Resources"].values()))


def polls_a_month(mappings: int) -> float:
    return mappings * POLLERS * MONTH_SECONDS / POLL_SECONDS


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
    mappings = there.get("AWS::Lambda::EventSourceMapping", 0)
    return [
        (f"{mappings} queues polled by Lambda", polls_a_month(mappings), prices.SQS_REQUEST.dollars, 1_000_000),
        ("alarms", there.get("AWS::CloudWatch::Alarm", 0), prices.ALARM_MONTH.dollars, 10),
        ("dashboards", there.get("AWS::CloudWatch::Dashboard", 0), prices.DASHBOARD_MONTH.dollars, 3),
        ("keys of our own", there.get("AWS::KMS::Key", 0), prices.KEY_MONTH.dollars, 0),
    ]


if __name__ == "__main__":
    write(sys.argv[1], {"resources": resources()})
