"""What docs/security.md says: its tests exist, and the claim that no other test shows."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from local.emulator import ROOT

NAMED = sorted(set(re.findall(r"`(tests/\S+)::(\w+)`", (ROOT / "docs" / "security.md").read_text())))
REQUIREMENTS = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("requirements*.txt"), *ROOT.glob("layers/*/*.txt")]
)


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_names_a_test() -> None:
    """Of the tables with a third column for it."""
    rows = [line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if line.startswith("| ")]
    headings = [index for index, row in enumerate(rows) if row.endswith("| shown by |")]
    stored = rows.index("| what | where | for how long |")
    assert len(headings) == 5
    assert [row for row in rows[headings[0] : stored] if "shown by" not in row and "::test_" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_named_tests_exist(file: str, name: str) -> None:
    assert name in defined_in(file)


@pytest.mark.parametrize("path", REQUIREMENTS, ids=str)
def test_every_package_is_pinned_by_hash(path: Path) -> None:
    requirements = re.split(
        r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", (ROOT / path).read_text(), flags=re.MULTILINE).strip()
    )
    assert requirements
    for requirement in requirements:
        assert re.match(r"\S+==\S+ .*\n(\s+--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", requirement), requirement


def test_every_node_package_is_pinned_by_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert len(packages) > 1
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-"), name
