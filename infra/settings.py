"""The settings, as `infra.read_settings` reads them; and numbers that have their owner elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk.aws_logs import RetentionDays

ATTEMPT_SECONDS = 5
"""How long an attempt may take, as promised to customers. `deliver.schedule` has the same number."""

MAX_RETRY_AFTER_SECONDS = 900
"""How long an attempt may be put off because the endpoint asks for it. `deliver.retry_after` has the same number."""

NAMESPACE = "AisouleWebhooks"
"""The CloudWatch namespace of the functions' metrics."""

MAX_ROUND_SECONDS = 24 * 3600
"""`deliver.unattempted` requeues a delivery until its round is this old: the retry schedule must fit in."""

RECOVERY_PAGE = 100
"""Deliveries: `api.recovery` sends a page or none of it, so a limit must not be lower."""

MAX_LOG_DAYS = 365
"""`webhooks.config_table` knows the id of a deleted webhook for longer."""


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
