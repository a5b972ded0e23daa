"""What the page says of an endpoint that fails: the next step, by the code of a failed attempt, and how many failed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from typing import Any, get_args

from api.portal.modules import join
from local.emulator import ROOT
from webhooks.deliveries import ErrorCode

CODES = get_args(ErrorCode)


def next_steps(*calls: tuple[Any, ...]) -> list[Any]:
    return results("nextStep", calls)


def results(function: str, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    script = join(ROOT / "functions" / "api" / "portal", "advice")
    script += f"console.log(JSON.stringify({json.dumps(calls)}.map((each) => {function}(...each)))); process.exit();"
    done = subprocess.run(
        ["node", "--input-type=module"], input=script, text=True, capture_output=True, check=True, timeout=60
    )
    returned: list[Any] = json.loads(done.stdout)
    return returned


def test_every_code_has_a_step_of_its_own() -> None:
    steps = next_steps(*[(code,) for code in CODES])
    assert all(re.fullmatch(r"Next step: .+\.", step) for step in steps), steps
    assert len(set(steps)) == len(CODES)


def test_an_unknown_code_has_none() -> None:
    assert next_steps((None,), (None, 500), ("",), ("of_a_later_version",), ("constructor",)) == [None] * 5


def test_a_port_without_tls_is_not_taken_for_a_bad_certificate() -> None:
    (step,) = next_steps(("tls_not_spoken",))
    assert "https" in step
    assert "certificate" not in step


def test_the_status_that_was_answered_is_looked_at() -> None:
    expected = {
        None: "A failed delivery shows what your server answered",
        100: "answer with 200",
        204: "answer with exactly 200",
        301: "redirects are not followed",
        400: "answer with 200",
        401: "verifies the signature",
        403: "let our requests in",
        404: "check the URL",
        405: "check the URL",
        410: "check the URL",
        429: "answer with 200",
        500: "your server's own log",
        599: "your server's own log",
    }
    steps = next_steps(*[("status", status) for status in expected])
    missed = [
        (status, step) for (status, words), step in zip(expected.items(), steps, strict=True) if words not in step
    ]
    assert missed == []


def test_what_was_not_all_counted_is_at_least_so_many() -> None:
    def ended(counted: str, complete: bool) -> tuple[dict[str, Any], str]:
        stats = {"failed": 3, "delivered": 1, "complete": complete, "since": f"2026-05-29T{counted}Z"}
        return stats, "2026-05-29T10:00:00.000Z"

    longer_ago_than_the_longest_period = ended("10:00:00.001", True)
    assert (
        results(
            "howTheyEnded",
            [ended("10:00:00.000", True), ended("10:00:00.000", False), longer_ago_than_the_longest_period],
        )
        == ["3 failed and 1 was delivered"] + ["at least 3 failed and 1 was delivered"] * 2
    )
