"""Checks that a tag is a release, and prints its section of CHANGELOG.md: `python -m local.release v0.1.0`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping

from local.compatibility import RELEASED
from local.emulator import ROOT


def main() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    kept = {
        "docs/openapi-released.json": RELEASED.read_text() == (ROOT / "docs" / "openapi.json").read_text(),
        f"tests/events/{version}.json": (ROOT / "tests" / "events" / f"{version}.json").exists(),
    }
    try:
        notes = release_notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(), kept=kept)
    except ValueError as error:
        sys.exit(f"{sys.argv[1]} is no release: {error}")
    sys.stdout.write(notes)


def release_notes(tag: str, version: str, changelog: str, *, kept: Mapping[str, bool]) -> str:
    """
    The newest section. `kept` says by the name of each file that keeps something of a release whether it has this one's.
    Raises ValueError if the files of this commit are not those of a release with this tag.
    """
    if tag != f"v{version}":
        raise ValueError(f"the version in pyproject.toml is {version}")
    heading, _, notes = changelog.split("\n## ")[1].partition("\n")
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        raise ValueError(f'the newest section of CHANGELOG.md is "{heading}", not "{version} (year-month-day)"')
    if missing := [file for file, has_it in kept.items() if not has_it]:
        raise ValueError(f"docs/releases.md says how to write {' and '.join(missing)} for it")
    return notes.strip() + "\n"


if __name__ == "__main__":
    main()
