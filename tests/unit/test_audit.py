"""What the audit of the packages says, of answers in pip-audit's documented form."""

from __future__ import annotations

from typing import Any

import pytest

from local.audit import report

CLEAN = {"name": "requests", "version": "2.34.0", "vulns": []}
FOUND = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}]}
UNKNOWN = {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.17.0)"}


@pytest.mark.parametrize(
    ("packages", "vulnerable", "says"),
    [
        ([CLEAN], 0, "1 packages audited, no known vulnerability."),
        ([CLEAN, FOUND], 1, "urllib3 1.0: PYSEC-2026-1, mended in 1.1, 2.0"),
        ([FOUND | {"vulns": [{"id": "X", "fix_versions": []}]}], 1, "mended in none yet"),
        ([CLEAN, UNKNOWN], 0, "1 of 2 packages could not be audited"),
    ],
)
def test_a_vulnerability_fails_and_silence_is_said(packages: list[Any], vulnerable: int, says: str) -> None:
    found, text = report(packages)
    assert (found, says in text) == (vulnerable, True), text
