"""`make mutants`: which mutants are equal, and a sample of the others."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys

import pytest

from local.emulator import ROOT
from tests.mutants.equal import Equal, changed_lines, equal_mutants
from tests.mutants.groups import GROUPS, SAMPLE
from tests.mutants.runs import path_of

DIFF = """\
--- webhooks/addresses.py
+++ webhooks/addresses.py
@@ -1,3 +1,3 @@
 def resolve(host):
-    answers = look_up(host, port, type=STREAM)
+    answers = look_up(host, None, type=STREAM)
"""


@pytest.mark.parametrize(
    ("module", "was", "becomes", "equal"),
    [
        ("webhooks/addresses.py", "port", "None", True),
        ("webhooks/addresses.py", "port, type", "None, type", True),
        ("webhooks/addresses.py", "port", "0", False),
        ("webhooks/addresses.py", "host", "None", False),
        ("webhooks/addresses.py", "port,", "", False),
        ("webhooks/items.py", "port", "None", False),
        ("webhooks/*.py", "port", "None", True),
        ("deliver/*.py", "port", "None", False),
    ],
)
def test_a_mutant_is_equal_if_its_module_and_its_difference_are(
    module: str, was: str, becomes: str, equal: bool
) -> None:
    changed = changed_lines(DIFF)
    assert Equal(module, was, becomes).is_made_by("webhooks/addresses.py", *changed) is equal


def test_each_equal_mutant_is_one_of_code_that_is_still_there() -> None:
    mutants = equal_mutants()
    assert len({(mutant.module, mutant.was, mutant.becomes) for mutant in mutants}) == len(mutants) > 0
    modules = {module for group in GROUPS.values() for module in group.modules}
    for mutant in mutants:
        assert any(mutant.was in path_of(module).read_text() for module in fnmatch.filter(modules, mutant.module)), (
            mutant
        )


def test_the_document_names_each_module_that_is_in_no_group() -> None:
    measured = {module for group in GROUPS.values() for module in group.modules}
    files = [
        file for package in ("deliver", "fanout", "webhooks") for file in path_of(f"{package}/x").parent.glob("*.py")
    ]
    others = {f"{file.parent.name}/{file.name}" for file in files} - measured
    text = (ROOT / "docs" / "mutation.md").read_text().split("### Not measured")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+/\w+\.py)`", text)) == {module for module in others if "__init__" not in module}


def test_the_scores_add_up() -> None:
    document = (ROOT / "docs" / "mutation.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \| 100 % \|$", document, re.MULTILINE)
    assert {module for module, *_ in rows} == {module for group in GROUPS.values() for module in group.modules}
    assert [row for row in rows if int(row[1]) != int(row[2]) + int(row[3])] == []
    total = [f"{sum(int(row[column]) for row in rows):,}" for column in (1, 2, 3)]
    assert f"{len(rows)} modules, {total[0]} mutants: {total[1]} killed, {total[2]} the same." in document


@pytest.mark.slow(minutes=3)
def test_tests_notice_each_mutant_of_a_sample() -> None:
    """Three of each module, always the same ones: `make mutants` has more."""
    command = [sys.executable, "-m", "tests.mutants", SAMPLE, "--sample", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
