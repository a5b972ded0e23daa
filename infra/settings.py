"""What can be set with `cdk deploy -c name=value`, checked before anything is built from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk.aws_logs import RetentionDays
from constructs import Node

ATTEMPT_SECONDS = 5
"""Promised to customers; `deliver.schedule` keeps it."""

NAMESPACE = "AisouleWebhooks"
"""Of the functions' metrics."""

MAX_VISIBILITY_SECONDS = 12 * 3600
"""SQS: a message can be hidden for 12 hours after it was received."""

MAX_ROUND_SECONDS = 24 * 3600
"""`deliver.dead_letters` puts a round back onto the queue until it is that old: the schedule must fit in."""

LOG_RETENTION = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
}
"""Days, of those that CloudWatch offers."""


_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CONTACT = re.compile(r"(https://|mailto:)[!-'*-;=?-~]{1,200}")
"""Printable ASCII, without what would end the comment of a User-Agent header."""


class BadSetting(ValueError):
    """A context value that cannot be used; the text says which, and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """`retry_delays` in seconds. `log_days` is for the delivery log, `log_retention` for the functions' own.

    `sends_per_minute` and `recoveries_per_minute` are what an account may have sent by hand: test events and retries, and
    pages of recovery. `public_url` is where people find the API, if not at API Gateway's own address. `contact` is where
    the owner of an endpoint that we disturb finds us, `frame_ancestors` the origins that may embed the page, and
    `alarm_email` who is told of alarms.

    `emulator_url`, `ca_file` and `emulator_python` only in the local stage.
    """

    stage: Literal["aws", "local"]
    retry_delays: tuple[int, ...]
    log_days: int
    log_retention: RetentionDays
    max_webhooks: int
    max_concurrency: int
    sends_per_minute: int
    recoveries_per_minute: int
    public_url: str | None
    contact: str | None
    frame_ancestors: tuple[str, ...]
    alarm_email: str | None
    emulator_url: str | None = None
    ca_file: Path | None = None
    emulator_python: Path | None = None

    @property
    def local(self) -> bool:
        return self.stage == "local"

    @property
    def attempts(self) -> int:
        return len(self.retry_delays) + 1


def read_settings(node: Node) -> Settings:
    """Raises BadSetting. Context from the command line is text, from cdk.json it may be a number."""
    stage = _text(node, "stage", "aws")
    if stage not in ("aws", "local"):
        raise BadSetting(f"stage is {stage!r}; allowed are aws and local")
    local = stage == "local"
    return Settings(
        stage="local" if local else "aws",
        retry_delays=_delays(_text(node, "retry_delays", "10,60,300")),
        log_days=_number(node, "log_days", 30, 1, 365),
        log_retention=_retention(_text(node, "log_retention", "30")),
        max_webhooks=_number(node, "max_webhooks", 100, 1, 1000),
        max_concurrency=_number(node, "max_concurrency", 2 if local else 100, 2, 1000),
        sends_per_minute=_number(node, "sends_per_minute", 60, 1, 10_000),
        recoveries_per_minute=_number(node, "recoveries_per_minute", 60, 1, 10_000),
        public_url=_matching(node, "public_url", _ORIGIN, "an address such as https://webhooks.example.com"),
        contact=_matching(node, "contact", _CONTACT, "an https address or mailto:abuse@example.com"),
        frame_ancestors=_origins(node, "frame_ancestors"),
        alarm_email=_matching(node, "alarm_email", _EMAIL, "an address such as ops@example.com"),
        emulator_url=_text(node, "emulator_url", "http://127.0.0.1:4566") if local else None,
        ca_file=_path(node, "ca_file") if local else None,
        emulator_python=_path(node, "emulator_python") if local else None,
    )


def _text(node: Node, name: str, default: str) -> str:
    value = node.try_get_context(name)
    return default if value is None else str(value)


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


def _number(node: Node, name: str, default: int, least: int, most: int) -> int:
    value = node.try_get_context(name)
    try:
        number = default if value is None else int(str(value))
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise BadSetting(f"{name} is {value!r}; allowed are whole numbers from {least} to {most}")
    return number


def _matching(node: Node, name: str, shape: re.Pattern[str], example: str) -> str | None:
    text = _text(node, name, "")
    if text and not shape.fullmatch(text):
        raise BadSetting(f"{name} is {text!r}; expected is {example}")
    return text or None


def _origins(node: Node, name: str) -> tuple[str, ...]:
    origins = tuple(_text(node, name, "").split())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise BadSetting(f"{name} is {origin!r}; expected are origins such as https://app.example.com, with spaces")
    return origins


def _path(node: Node, name: str) -> Path:
    value = node.try_get_context(name)
    if not value:
        raise BadSetting(f"{name} is missing: the local stage is deployed by `make up`, which passes it")
    return Path(str(value))
