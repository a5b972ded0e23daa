"""The objective for first attempts, how fast its error budget is used up, and how much of it is left."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.settings import Settings

FIRST_ATTEMPT_SECONDS = 30
"""Between `accepted_at` of an event, when fanout reads it, and its first attempt for a webhook."""

OBJECTIVE = 0.999
"""The share of first attempts that must begin in time, over 30 days; the rest is the error budget."""

BURN_RATE = 14.4
"""
A multiple of the rate that uses up the budget in exactly 30 days. An hour at 14.4 uses 2 %: the first paging threshold of
Google's SRE workbook.
"""

_FEWEST_LATE = 5
"""In an hour: where little is published, one late attempt would be a high rate."""


def environment(settings: Settings) -> dict[str, str]:
    """For deliver, which counts what is measured here (`deliver.service_level`)."""
    return {"FIRST_ATTEMPT_SECONDS": str(FIRST_ATTEMPT_SECONDS)} if settings.service_level else {}


def burn_rate(first: cloudwatch.Metric, late: cloudwatch.Metric) -> cloudwatch.MathExpression:
    """Over one hour; 0 if fewer than five first attempts were late."""
    return cloudwatch.MathExpression(
        expression=f"IF(late >= {_FEWEST_LATE}, late / first / {_budget()}, 0)",
        using_metrics={"first": first, "late": late},
        label="burn rate",
        period=cdk.Duration.hours(1),
    )


def budget_left(first: cloudwatch.Metric, late: cloudwatch.Metric) -> cloudwatch.SingleValueWidget:
    """In per cent, over the time that the dashboard shows."""
    left = cloudwatch.MathExpression(
        expression=f"100 * (1 - late / first / {_budget()})",
        using_metrics={"first": first, "late": late},
        label="%",
        period=cdk.Duration.minutes(5),
    )
    return cloudwatch.SingleValueWidget(
        title=f"Error budget left, of {OBJECTIVE:.1%} within {FIRST_ATTEMPT_SECONDS} s: choose 30 days above",
        metrics=[left],
        set_period_to_time_range=True,
        width=12,
    )


def _budget() -> float:
    return round(1 - OBJECTIVE, 6)
