"""Checks that a tag is a release, and prints its section of CHANGELOG.md: `python -m local.release v0.1.0`."""

from __future__ import annotations

import re
import sys
import tomllib

from local.compatibility import RELEASED
from local.emulator import ROOT


def main() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    same = RELEASED.read_text() == (ROOT / "docs" / "openapi.json").read_text()
    try:
        notes = release_notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(), specification_kept=same)
        if not (fixture := ROOT / "tests" / "events" / f"{version}.json").exists():
            raise ValueError(f"there is no {fixture.relative_to(ROOT)}, which docs/releases.md says how to write")
    except ValueError as error:
        sys.exit(f"{sys.argv[1]} is no release: {error}")
    sys.stdout.write(notes)


def release_notes(tag: str, version: str, changelog: str, *, specification_kept: bool) -> str:
    """The newest section. Raises ValueError if the files of this commit are not those of a release with this tag."""
    if tag != f"v{version}":
        raise ValueError(f"the version in pyproject.toml is {version}")
    heading, _, notes = changelog.split("\n## ")[1].partition("\n")
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        raise ValueError(f'the newest section of CHANGELOG.md is "{heading}", not "{version} (year-month-day)"')
    if not specification_kept:
        raise ValueError("docs/openapi-released.json is not a copy of docs/openapi.json")
    return notes.strip() + "\n"


if __name__ == "__main__":
    main()
