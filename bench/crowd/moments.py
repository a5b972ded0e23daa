"""Simulated seconds as the moments that the code's own decisions take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webhooks.times import rfc3339

_EPOCH = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)
BEGAN = rfc3339(_EPOCH)


def moment(at: float) -> datetime:
    return _EPOCH + timedelta(seconds=at)


def rfc3339_at(at: float) -> str:
    return rfc3339(moment(at))


def seconds(at: datetime) -> float:
    return (at - _EPOCH).total_seconds()
