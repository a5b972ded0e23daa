"""The settings that `cdk deploy -c name=value` takes, validated before anything is built."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk.aws_logs import RetentionDays
from constructs import Node

from infra.context import ORIGIN, BadSetting, Context

ATTEMPT_SECONDS = 5
"""How long an attempt may take, as promised to customers. `deliver.schedule` has the same number."""

MAX_RETRY_AFTER_SECONDS = 900
"""How long an attempt may be put off because the endpoint asks for it. `deliver.retry_after` has the same number."""

NAMESPACE = "AisouleWebhooks"
"""The CloudWatch namespace of the functions' metrics."""

MIN_CONCURRENCY = 2
"""Lambda accepts no less for an event source mapping."""

MAX_VISIBILITY_SECONDS = 12 * 3600
"""SQS: a message can be hidden for 12 hours after it was received."""

MAX_ROUND_SECONDS = 24 * 3600
"""`deliver.unattempted` requeues a delivery until its round is this old: the retry schedule must fit in."""

RECOVERY_PAGE = 100
"""Deliveries: `api.recovery` sends a page or none of it, so a limit must not be lower."""

MAX_LOG_DAYS = 365
"""`webhooks.config_table` knows the id of a deleted webhook for longer."""

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


@dataclass(frozen=True)
class Settings:
    """
    `retry_delays` are seconds. `log_days` is how long the delivery log is kept, `log_retention` the functions' own logs.

    `max_concurrency` bounds the batches of first attempts that are delivered at the same time, `retry_concurrency` those
    of retries and slow webhooks. `api_rate` bounds the API calls a second and the burst; `api_concurrency` bounds the
    calls that are answered at the same time, by reserving as much in Lambda. `sends_per_minute`,
    `recoveries_per_minute`, `host_sends_per_minute` and `listings_per_minute` bound what one account may ask for: test
    events and retries, recovered deliveries, both of these to one host, and pages of the delivery log.

    `public_url` is the API's address for customers, if it is not API Gateway's own. `contact` is for endpoints' owners
    who want to complain. `explorer` is whether `/docs` is served. `frame_ancestors` are the origins that may embed the
    page. `mail_from` is the sender of mails to accounts (`infra.mail`); without it, none are sent. `alarm_email` gets the
    alarms. `dashboard`, `service_level` (of `infra.service_level`), `canary` (of `infra.canary`) and `log_recovery`,
    point-in-time recovery of the log table, cost money and are off unless somebody wants them.

    `emulator_url`, `emulator_tls_url` (the same through TLS), `ca_file`, `emulator_python` and `packages` are for the local
    stage only. `packages` is a directory that takes the place of the dependency layer (`infra.wheels.unpacked`).
    """

    stage: Literal["aws", "local"]
    retry_delays: tuple[int, ...]
    log_days: int
    log_retention: RetentionDays
    max_webhooks: int
    max_concurrency: int
    retry_concurrency: int
    api_rate: int
    api_concurrency: int | None
    sends_per_minute: int
    recoveries_per_minute: int
    host_sends_per_minute: int
    listings_per_minute: int
    public_url: str | None
    contact: str | None
    explorer: bool
    frame_ancestors: tuple[str, ...]
    mail_from: str | None
    alarm_email: str | None
    dashboard: bool
    service_level: bool
    canary: bool
    log_recovery: bool
    emulator_url: str | None = None
    emulator_tls_url: str | None = None
    ca_file: Path | None = None
    emulator_python: Path | None = None
    packages: Path | None = None

    @property
    def local(self) -> bool:
        return self.stage == "local"

    def contact_environment(self) -> dict[str, str]:
        """The environment of functions that send the `User-Agent` or show it: it contains `contact`."""
        return {"CONTACT": self.contact} if self.contact else {}

    def mail_environment(self) -> dict[str, str]:
        """The environment of the function that sends mails, and of the API, which says whether any are sent."""
        return {"MAIL_FROM": self.mail_from} if self.mail_from else {}

    @property
    def attempts(self) -> int:
        return len(self.retry_delays) + 1


def read_settings(node: Node) -> Settings:
    """Raises BadSetting."""
    context = Context(node)
    stage = context.text("stage", "aws")
    if stage not in ("aws", "local"):
        raise BadSetting(f"stage is {stage!r}; allowed are aws and local")
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
        raise BadSetting(f"retry_delays is {text!r}; allowed are 1 to 9 delays of 1 to {longest} seconds")
    if sum(delays) > MAX_ROUND_SECONDS // 2:  # the other half is for what our own faults put off
        raise BadSetting(f"retry_delays is {text!r}; allowed are {MAX_ROUND_SECONDS // 2} seconds in all")
    return delays


def _retention(text: str) -> RetentionDays:
    allowed = {str(days): retention for days, retention in LOG_RETENTION.items()}
    if text not in allowed:
        raise BadSetting(f"log_retention is {text!r}; allowed are the days {', '.join(allowed)}")
    return allowed[text]
