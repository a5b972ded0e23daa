"""How a webhook's deliveries went, computed from the delivery log when somebody asks: nothing is written for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Literal, get_args

from pydantic import Field

from api.fields import Out, Time
from webhooks.deliveries import Outcome
from webhooks.times import parse_time, rfc3339

Period = Literal["1h", "24h", "7d"]
BUCKETS: dict[Period, tuple[timedelta, int]] = {
    "1h": (timedelta(minutes=5), 12),
    "24h": (timedelta(hours=1), 24),
    "7d": (timedelta(hours=6), 28),
}
"""By period: how long a bucket is, and how many there are."""
assert set(get_args(Period)) == BUCKETS.keys()


class Counts(Out):
    delivered: int
    failed: int
    under_way: int = Field(description="Pending or retrying.")
    cancelled: int
    retried: int = Field(description="Those of them with more than one attempt.")

    @staticmethod
    def numbers(outcomes: Sequence[Outcome]) -> dict[str, int]:
        statuses = [outcome.status for outcome in outcomes]
        return {
            "delivered": statuses.count("delivered"),
            "failed": statuses.count("failed"),
            "under_way": statuses.count("pending") + statuses.count("retrying"),
            "cancelled": statuses.count("cancelled"),
            "retried": sum(outcome.attempts > 1 for outcome in outcomes),
        }


class Bucket(Counts):
    since: Time = Field(description="When it begins.")


class Percentiles(Out):
    p50: int
    p95: int
    p99: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Percentiles:
        """Nearest rank. `values` are sorted, at least one."""
        ranks = {f"p{percent}": values[ceil(len(values) * percent / 100) - 1] for percent in (50, 95, 99)}
        return cls(**ranks)


class WebhookStats(Counts):
    period: Period
    since: Time = Field(
        description="The time back to which deliveries were counted, by when their event was accepted. Later than the "
        "time asked for if there are too many for one call."
    )
    until: Time
    complete: bool = Field(description="Whether all that was asked for was counted.")
    success_rate: float | None = Field(
        description="`delivered`, divided by `delivered` and `failed`; null if there are neither.", examples=[0.998]
    )
    answer_ms: Percentiles | None = Field(
        description="How many milliseconds the endpoint took to answer an attempt, whatever it answered; null without an "
        "answer."
    )
    buckets: list[Bucket] = Field(
        description="The oldest first: of 5 minutes for `1h`, an hour for `24h`, 6 hours for `7d`. Excludes buckets before "
        "`since`."
    )


def begin_of(period: Period, at: datetime) -> datetime:
    length, count = BUCKETS[period]
    return at - length * count


def statistics(outcomes: Sequence[Outcome], period: Period, at: datetime, *, since: datetime | None) -> WebhookStats:
    """`outcomes`: of all events accepted since then, within the period, newest first; None if there are older ones."""
    begin, (length, count) = begin_of(period, at), BUCKETS[period]
    complete = since is not None
    since = since or parse_time(outcomes[-1].accepted_at)
    filled: list[list[Outcome]] = [[] for _ in range(count)]
    for outcome in outcomes:
        place = (parse_time(outcome.accepted_at) - begin) // length
        filled[min(max(place, 0), count - 1)].append(outcome)
    first = (since - begin) // length
    answered = sorted(duration for outcome in outcomes for duration in outcome.answered_ms)
    total = Counts.numbers(outcomes)
    final = total["delivered"] + total["failed"]
    return WebhookStats(
        **total,
        period=period,
        since=rfc3339(since),
        until=rfc3339(at),
        complete=complete,
        success_rate=total["delivered"] / final if final else None,
        answer_ms=Percentiles.of(answered) if answered else None,
        buckets=[
            Bucket(since=rfc3339(begin + length * place), **Counts.numbers(filled[place]))
            for place in range(first, count)
        ],
    )
