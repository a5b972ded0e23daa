"""What the audit of the packages says, of answers in the documented forms of pip-audit and npm."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from local import audit
from local.audit import Audit, read_npm_audit, read_pip_audit, report
from local.emulator import ROOT

CLEAN = {"name": "requests", "version": "2.34.0", "vulns": []}
FOUND = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}]}
UNKNOWN = {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.17.0)"}
REFUSED = json.dumps(
    {"message": "405 Method Not Allowed - POST https://registry.example/x", "statusCode": 405}, indent=2
)
ADVISED = json.dumps({"vulnerabilities": {"aws-cdk": {"name": "aws-cdk", "severity": "high", "range": "<=2.1"}}})


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([CLEAN], 0, "1 packages audited, no known vulnerability."),
        ([CLEAN, FOUND], 1, "urllib3 1.0: PYSEC-2026-1, fixed in 1.1, 2.0"),
        ([FOUND | {"vulns": [{"id": "X", "fix_versions": []}]}], 1, "fixed in none yet"),
        ([CLEAN, UNKNOWN], 0, "WARNING: 1 of 2 packages were NOT checked"),
    ],
)
def test_a_vulnerability_fails_and_silence_is_said(packages: list[Any], status: int, says: str) -> None:
    text, failed = report([read_pip_audit("some.txt", json.dumps({"dependencies": packages}), "")], required=False)
    assert (failed, says in text) == (status, True), text


@pytest.mark.parametrize(("stdout", "status", "says"), [(ADVISED, 1, "aws-cdk <=2.1: high"), (REFUSED, 0, "7 of 7")])
def test_node_packages_are_audited_by_the_same_rule(stdout: str, status: int, says: str) -> None:
    text, failed = report([read_npm_audit("package-lock.json", stdout, 7)], required=False)
    assert (failed, says in text) == (status, True), text


def test_with_nothing_found_every_node_package_counts() -> None:
    assert read_npm_audit("package-lock.json", '{"vulnerabilities": {}}', 7) == Audit("package-lock.json", 7)


@pytest.mark.parametrize("stdout", ["", "not JSON", REFUSED, '{"error": {"code": "ENOAUDIT"}}'])
def test_an_index_that_does_not_answer_is_no_clean_bill(stdout: str) -> None:
    for found in (
        read_npm_audit("package-lock.json", stdout, 7),
        read_pip_audit("requirements-uv.txt", "", "ERROR: no network"),
    ):
        assert found.unaudited == found.packages > 0
        assert found.reason
        assert "https://" not in found.reason


@pytest.mark.parametrize(("required", "status", "word"), [(False, 0, "WARNING"), (True, 1, "ERROR")])
def test_what_was_not_audited_is_the_last_thing_said_and_fails_where_that_is_demanded(
    required: bool, status: int, word: str
) -> None:
    audits = [Audit("a.txt", 3), Audit("b.txt", 4, unaudited=4, reason="the index does not say")]
    text, failed = report(audits, required=required)
    assert failed == status
    *_, first, heading, file, _, last = text.splitlines()
    assert set(first) == set(last) == {"!"}
    assert heading.startswith(f"{word}: 4 of 7 packages were NOT checked")
    assert file == "  b.txt: 4 of 4, the index does not say"


def test_all_that_is_pinned_is_audited() -> None:
    """The tools, too: the CDK and boto3 run with an operator's credentials."""
    pinned = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("requirements*.txt"), *ROOT.glob("layers/*/*.txt")]}
    assert set(audit.REQUIREMENTS) == pinned
    tracked = subprocess.run(["git", "ls-files", "*package-lock.json"], cwd=ROOT, capture_output=True, text=True)
    assert set(audit.NODE) == set(tracked.stdout.split())


def test_ci_demands_the_audit_and_make_check_ends_with_it() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.search(r"- run: make check\n +env:\n( +#.*\n)* +AUDIT_REQUIRED: \"1\"\n", workflow)
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert recipe.group(1).splitlines()[-1].endswith("-m local.audit")
