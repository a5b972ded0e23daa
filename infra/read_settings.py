"""Reads the settings that `cdk deploy -c name=value` takes, and validates them before anything is built."""

from __future__ import annotations

import re

from aws_cdk.aws_logs import RetentionDays
from constructs import Node

from infra.context import ORIGIN, BadSetting, Context
from infra.settings import MAX_LOG_DAYS, MAX_ROUND_SECONDS, RECOVERY_PAGE, Settings

MIN_CONCURRENCY = 2
"""Lambda accepts no less for an event source mapping."""

MAX_VISIBILITY_SECONDS = 12 * 3600
"""SQS: a message can be hidden for 12 hours after it was received."""

LOG_RETENTION = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
}
"""The choices for `log_retention`, by days: some of those that CloudWatch offers."""


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SENDER = re.compile(r"[A-Za-z0-9._+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
"""Narrower: it becomes a part of ARNs, where other characters are wildcards or variables."""
_CONTACT = re.compile(r"(https://|mailto:)[!-'*-;=?-~]{1,200}")
"""Printable ASCII, except what would end a comment in a User-Agent header."""


def read_settings(node: Node) -> Settings:
    """Raises BadSetting."""
    context = Context(node)
    stage = context.text("stage", "aws")
    if stage not in ("aws", "local"):
        raise BadSetting(f"stage is {stage!r}; allowed values: aws, local")
    local = stage == "local"
    return Settings(
        stage="local" if local else "aws",
        retry_delays=_delays(context.text("retry_delays", "10,60,300")),
        log_days=context.number("log_days", 30, 1, MAX_LOG_DAYS),
        log_retention=_retention(context.text("log_retention", "30")),
        max_webhooks=context.number("max_webhooks", 100, 1, 1000),
        max_concurrency=context.number("max_concurrency", MIN_CONCURRENCY if local else 4, MIN_CONCURRENCY, 1000),
        retry_concurrency=context.number("retry_concurrency", MIN_CONCURRENCY, MIN_CONCURRENCY, 1000),
        api_rate=context.number("api_rate", 20, 1, 10_000),
        api_concurrency=context.optional_number("api_concurrency", 1, 10_000),
        sends_per_minute=context.number("sends_per_minute", 60, 1, 10_000),
        recoveries_per_minute=context.number("recoveries_per_minute", 6000, RECOVERY_PAGE, 1_000_000),
        host_sends_per_minute=context.number("host_sends_per_minute", 600, RECOVERY_PAGE, 1_000_000),
        listings_per_minute=context.number("listings_per_minute", 300, 1, 100_000),
        public_url=context.matching("public_url", ORIGIN, "an address such as https://webhooks.example.com"),
        explorer=context.switch("explorer", "on"),
        contact=context.matching("contact", _CONTACT, "an https address or mailto:abuse@example.com"),
        frame_ancestors=context.origins("frame_ancestors"),
        mail_from=context.matching("mail_from", _SENDER, "an address such as webhooks@example.com"),
        alarm_email=context.matching("alarm_email", _EMAIL, "an address such as ops@example.com"),
        dashboard=context.switch("dashboard", "off"),
        service_level=context.switch("service_level", "off"),
        canary=context.switch("canary", "off"),
        log_recovery=context.switch("log_recovery", "off"),
        emulator_url=context.text("emulator_url", "http://127.0.0.1:4566") if local else None,
        emulator_tls_url=context.text("emulator_tls_url", "https://127.0.0.1:4567") if local else None,
        ca_file=context.path("ca_file") if local else None,
        emulator_python=context.path("emulator_python") if local else None,
        packages=context.path("packages") if local and context.text("packages", "") else None,
    )


def _delays(text: str) -> tuple[int, ...]:
    try:
        delays = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise BadSetting(f"retry_delays is {text!r}; expected seconds separated by commas, such as 10,60,300") from None
    longest = MAX_VISIBILITY_SECONDS - 60  # the attempt and its batch count, too
    if not 1 <= len(delays) <= 9 or not all(1 <= delay <= longest for delay in delays):
        raise BadSetting(f"retry_delays is {text!r}; allowed values: 1 to 9 delays of 1 to {longest} seconds")
    if sum(delays) > MAX_ROUND_SECONDS // 2:  # the other half is for what our own faults put off
        raise BadSetting(
            f"retry_delays is {text!r}; allowed values: delays of {MAX_ROUND_SECONDS // 2} seconds at most in all"
        )
    return delays


def _retention(text: str) -> RetentionDays:
    allowed = {str(days): retention for days, retention in LOG_RETENTION.items()}
    if text not in allowed:
        raise BadSetting(f"log_retention is {text!r}; allowed values: {', '.join(allowed)}")
    return allowed[text]
