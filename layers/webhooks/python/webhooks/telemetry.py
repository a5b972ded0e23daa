"""One structured line a unit of work, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

logger = Logger(location=None)
metrics = Metrics()


def flush() -> None:
    """Writes the invocation's metrics, if there are any."""
    if metrics.provider.metric_set:
        metrics.flush_metrics()
