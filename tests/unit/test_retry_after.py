"""Retry-After as RFC 9110 has it, and everything else that an endpoint may send in its place."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time

import pytest

from deliver.retry_after import seconds_asked

AT = datetime(1994, 11, 6, 8, 48, 7, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("1", 1),
        ("007", 7),
        ("900", 900),
        ("901", 900),
        ("3600", 900),
        ("9" * 20, 900),
        # The three forms of RFC 9110, 5.6.7, of the same moment, 89.5 s later.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 90),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 90),
        ("Sun Nov  6 08:49:37 1994", 90),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
    ],
)
def test_seconds_and_dates_are_read(header: str, seconds: int) -> None:
    assert seconds_asked(503, header, AT) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "0",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "5 s",
        "5, 5",
        "\u00b2",
        "\u0665",
        "soon",
        "inf",
        "9" * 21,
        "9" * 60_000,
        "Sun, 06 Nov 1994 08:48:07 GMT",
        "Thu, 01 Jan 0001 00:00:00 GMT",
        "Sun, 31 Feb 1995 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "Sun," + " " * 60_000 + "06 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_over_or_nonsense_is_ignored(header: str | None) -> None:
    began = process_time()
    assert seconds_asked(503, header, AT) is None
    assert process_time() - began < 0.5


@pytest.mark.parametrize(
    ("status", "asked"), [(429, 60), (503, 60), (200, None), (301, None), (500, None), (502, None)]
)
def test_only_a_429_and_a_503_ask_for_a_wait(status: int, asked: int | None) -> None:
    assert seconds_asked(status, "60", AT) == asked
