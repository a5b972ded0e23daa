"""The log keeps an event and its deliveries for `log_days` days from when the event was accepted."""

from __future__ import annotations

from datetime import timedelta

from webhooks.times import now, parse_time, rfc3339


def expires_at(accepted_at: str, log_days: int) -> int:
    """Returns when the log forgets the event, in Unix seconds."""
    return int((parse_time(accepted_at) + timedelta(days=log_days)).timestamp())


def oldest(log_days: int) -> str:
    """What was accepted by then has expired. DynamoDB removes it up to days later."""
    return rfc3339(now() - timedelta(days=log_days))
