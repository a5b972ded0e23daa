"""Counts what a stretch of code asks of AWS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from webhooks.clients import client


@contextmanager
def aws_calls() -> Iterator[Counter[str]]:
    """By operation, such as `Query`; and under `read <operation>` the items that DynamoDB looked at for it."""
    counts: Counter[str] = Counter()

    def count(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        counts[model.name] += 1
        if "ScannedCount" in parsed:
            counts[f"read {model.name}"] += parsed["ScannedCount"]

    clients = [client("dynamodb"), client("sqs")]
    for used in clients:
        used.meta.events.register("after-call", count)
    try:
        yield counts
    finally:
        for used in clients:
            used.meta.events.unregister("after-call", count)
