"""What a release is, and what publishes it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from local.emulator import ROOT
from local.release import release_notes
from tests.e2e import versions

CHANGELOG = "# Changelog\n\n## 0.2.0 (2026-12-01)\n\n- Faster.\n\n## 0.1.0 (2026-11-30)\n\n- First.\n"
KEPT = {"docs/openapi-released.json": True, "tests/events/0.2.0.json": True}
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_an_upgrade_is_tried_from_the_release_before_this_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments], cwd=tmp_path, check=True
        )

    monkeypatch.setattr(versions, "ROOT", tmp_path)
    git("init", "--quiet")
    for tag in ("v0.1.0", "v0.2.0", "nightly", "v0.3.0"):
        git("commit", "--quiet", "--allow-empty", "--message", tag)
        git("tag", tag)
    assert versions.the_one_before() == "v0.2.0"


def test_the_notes_are_the_section_of_the_tag() -> None:
    assert release_notes("v0.2.0", "0.2.0", CHANGELOG, kept=KEPT) == "- Faster.\n"


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "kept", "why"),
    [
        ("v0.3.0", "0.2.0", CHANGELOG, KEPT, "pyproject.toml is 0.2.0"),
        ("0.2.0", "0.2.0", CHANGELOG, KEPT, "pyproject.toml"),
        ("v0.1.0", "0.1.0", CHANGELOG, KEPT, 'is "0.2.0 (2026-12-01)"'),
        ("v0.2.0", "0.2.0", CHANGELOG.replace("2026-12-01", "unreleased"), KEPT, r"0\.2\.0 \(unreleased\)"),
        ("v0.2.0", "0.2.0", CHANGELOG, KEPT | {"docs/openapi-released.json": False}, "openapi-released.json for it"),
        ("v0.2.0", "0.2.0", CHANGELOG, KEPT | {"tests/events/0.2.0.json": False}, "write tests/events/0.2.0.json"),
    ],
)
def test_a_tag_that_does_not_fit_its_commit_is_no_release(
    tag: str, version: str, changelog: str, kept: dict[str, bool], why: str
) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(").replace(")", r"\)") if "\\" not in why else why):
        release_notes(tag, version, changelog, kept=kept)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(workflow: str) -> None:
    used = re.findall(r"uses: (\S+)", (ROOT / workflow).read_text())
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


def test_only_the_job_that_publishes_may_write() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    before, publish = text.split("\n  publish:\n")
    assert "permissions:\n  contents: read\n" in before
    assert "write" not in before
    assert "needs: test" in publish


def test_the_list_of_components_is_made_by_a_pinned_tool() -> None:
    pinned = (ROOT / "requirements-release.txt").read_text()
    assert re.search(r"^cyclonedx-bom==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", pinned, re.MULTILINE)
