"""The metrics that alarms and the dashboard look at: our own, which the functions write, and AWS's."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from infra.database import DUE, FAILED, Database
from infra.settings import NAMESPACE

FIVE_MINUTES = cdk.Duration.minutes(5)
FAILURES = ("Status", "Timeout", "TLS", "DNS", "Connection", "Address", "Protocol")
"""The metrics of failed attempts, as in `deliver.failures.METRICS`."""


def own(name: str, statistic: str = "Sum", *, of: str = "deliver") -> cloudwatch.Metric:
    """A metric that a function writes into its log. Its service is the only dimension, as every combination is billed."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": of},
        statistic=statistic,
        period=FIVE_MINUTES,
    )


def oldest_message(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=FIVE_MINUTES)


def waiting(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=FIVE_MINUTES)


def event_age(function: lambda_.IFunction) -> cloudwatch.Metric:
    """How long events wait in Lambda's queue for the function, in milliseconds: no metric of our own has it."""
    return function.metric("AsyncEventAge", statistic="Average", period=FIVE_MINUTES)


def errors(function: lambda_.IFunction) -> cloudwatch.Metric:
    """Invocations that ended in an exception, a crash or a time-out, none of which our own metrics count."""
    return function.metric_errors(statistic="Sum", period=FIVE_MINUTES)


def log_throttles(database: Database) -> list[cloudwatch.Metric]:
    """Of the table and of each index: the table's do not have those of its indexes."""
    table = {"TableName": database.log.table_name}
    parts = {"table": table} | {name: table | {"GlobalSecondaryIndexName": name} for name in (FAILED, DUE)}
    return [
        cloudwatch.Metric(
            namespace="AWS/DynamoDB",
            metric_name="WriteThrottleEvents",
            dimensions_map=dimensions,
            statistic="Sum",
            period=FIVE_MINUTES,
            label=label,
        )
        for label, dimensions in parts.items()
    ]
