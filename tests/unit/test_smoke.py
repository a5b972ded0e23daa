"""What the drill says of retries, and that make passes its options on."""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from deliver.schedule import Schedule
from local.emulator import ROOT
from smoke.checks import challenge
from smoke.installation import CheckFailed
from smoke.retries import waited
from webhooks.times import parse_time, rfc3339


def attempts(*waits: float) -> list[dict[str, Any]]:
    """Each takes 2 s and begins so many seconds after the end of the one before."""
    began = parse_time("2026-05-29T10:30:00.123Z")
    found = []
    for number, wait in enumerate((-2.0, *waits), 1):
        began += timedelta(seconds=2 + wait)
        found.append({"number": number, "at": rfc3339(began), "duration_ms": 2000, "status_code": 404})
    return found


@pytest.mark.parametrize(
    ("delays", "waits"),
    [
        ((10, 60, 300), (10.0, 60.0, 300.0)),
        ((10, 60, 300), (10.001, 75.0, 301.5)),
        ((5,), (5.0,)),
        ((5, 30, 300, 3600), (5.0, 30.2, 300.0, 3601.0)),
    ],
)
def test_retries_by_the_schedule_pass(delays: tuple[int, ...], waits: tuple[float, ...]) -> None:
    assert waited(attempts(*waits), Schedule(delays)) == list(waits)


@pytest.mark.parametrize(
    ("waits", "failure"),
    [
        ((9.999, 60, 300), "attempt 2: 9.999 s after the one before, expected 10 s or more"),
        ((10, 0, 300), "attempt 3: 0 s after the one before, expected 60 s or more"),
        ((10, 60, 298), "attempt 4: 298 s after the one before, expected 300 s or more"),
        ((10, 60), "status codes: [404, 404, 404], expected [404, 404, 404, 404]"),
        ((10, 60, 300, 3600), "status codes: [404, 404, 404, 404, 404], expected [404, 404, 404, 404]"),
    ],
)
def test_an_early_retry_and_another_number_of_attempts_fail(waits: tuple[float, ...], failure: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        waited(attempts(*waits), Schedule((10, 60, 300)))
    assert str(failed.value) == failure


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["Content-Type", "www-authenticate"], "as it is"),
        (["x-amzn-Remapped-WWW-Authenticate"], "as x-amzn-Remapped-WWW-Authenticate"),
        (["Content-Type"], "not at all"),
    ],
)
def test_the_drill_says_how_a_challenge_arrives(headers: list[str], found: str) -> None:
    assert challenge(headers) == found


@pytest.mark.parametrize(
    ("target", "options", "arguments"),
    [
        (
            "smoke",
            ["STACK=Other", "EVENTS=3", "API=https://api.example.com"],
            ["smoke", "--stack", "Other", "--events", "3", "--api", "https://api.example.com"],
        ),
        ("smoke", [], ["smoke"]),
        ("platform-key", ["STACK=Other"], ["api.mint_key", "--stack", "Other"]),
        ("platform-key", [], ["api.mint_key"]),
    ],
)
def test_make_passes_the_options_on(target: str, options: list[str], arguments: list[str]) -> None:
    command = ["make", "--dry-run", "--assume-old=setup", target, *options]
    # `make test` tells the makes below it how deep they are, and each of those says where it is.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    shown = subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, check=True).stdout
    assert shlex.split(shown)[1:] == ["-m", *arguments]
