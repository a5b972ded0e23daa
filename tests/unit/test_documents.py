"""What the documents point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.emulator import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "bench/results.md")
    for path in ROOT.glob(pattern)
)


def anchors(document: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / document).read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_map_of_the_code_is_true() -> None:
    """Whatever stands there with a slash in it is a file or a folder."""
    named = re.findall(r"`([\w./*-]+/[\w.*-]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(named) > 20
    roots = (ROOT, ROOT / "layers/webhooks/python", ROOT / "functions/api")
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []
