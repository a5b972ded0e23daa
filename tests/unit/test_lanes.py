"""When a webhook changes lanes, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deliver.lanes import lane_after
from webhooks.deliveries import Attempt, ErrorCode
from webhooks.models import Lane, Webhook
from webhooks.times import rfc3339

AT = datetime(2026, 5, 29, 10, 30, tzinfo=UTC)
WEBHOOK = Webhook("wh_1", "acme", "n", "https://example.com/", [], "active", "s", rfc3339(AT), rfc3339(AT))
SLOW = replace(WEBHOOK, slow_since=rfc3339(AT))


def attempt(duration_ms: int, code: ErrorCode | None = None) -> Attempt:
    return Attempt(1, 1, rfc3339(AT), duration_ms, error=code and "no", error_code=code)


@pytest.mark.parametrize(
    ("webhook", "made", "lane"),
    [
        (WEBHOOK, attempt(20), "delivery"),
        (WEBHOOK, attempt(999), "delivery"),
        (WEBHOOK, attempt(1000), "retry"),
        (WEBHOOK, attempt(20, "status"), "delivery"),
        (WEBHOOK, attempt(20, "tls_certificate"), "delivery"),
        (WEBHOOK, attempt(5000, "timeout"), "retry"),
        (WEBHOOK, attempt(3, "connection_refused"), "retry"),
        (WEBHOOK, attempt(3, "dns"), "retry"),
        (SLOW, attempt(20), "delivery"),
        (SLOW, attempt(1000), "retry"),
        (SLOW, attempt(20, "status"), "retry"),
    ],
)
def test_lanes(webhook: Webhook, made: Attempt, lane: Lane) -> None:
    assert lane_after(webhook, made, "evt_1") == lane


@pytest.mark.parametrize("seconds_apart", [1, 60, 600])
def test_an_endpoint_that_wavers_changes_lanes_no_more_often_than_every_ten_attempts(seconds_apart: int) -> None:
    webhook, changes, attempts = WEBHOOK, 0, 4000
    for number in range(attempts):
        at = AT + timedelta(seconds=number * seconds_apart)
        made = replace(attempt(900 if number % 2 else 1100), at=rfc3339(at))
        lane = lane_after(webhook, made, f"evt_{number}")
        if lane != webhook.lane:
            changes += 1
            slow, prompt = (rfc3339(at), webhook.prompt_since) if lane == "retry" else (None, rfc3339(at))
            webhook = replace(webhook, slow_since=slow, prompt_since=prompt)
    assert attempts / changes >= 10


@pytest.mark.parametrize("before_its_end", [timedelta(hours=6), timedelta(hours=6, minutes=1)])
def test_one_that_was_slow_long_ago_leaves_at_its_first_prompt_200(before_its_end: timedelta) -> None:
    """Though it may have been slow again soon after."""
    webhook = replace(SLOW, prompt_since=rfc3339(attempt(20).ended() - before_its_end))
    assert {lane_after(webhook, attempt(20), f"evt_{number}") for number in range(100)} == {"delivery"}


def test_one_that_wavers_leaves_at_one_prompt_200_in_twenty() -> None:
    webhook = replace(SLOW, prompt_since=rfc3339(AT - timedelta(hours=5, minutes=59)))
    lanes = [lane_after(webhook, attempt(20), f"evt_{number}") for number in range(4000)]
    assert 150 <= lanes.count("delivery") <= 250
