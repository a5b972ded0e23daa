"""Compares the API's specification with the one that clients rely on, the last release's; part of `make check`.

A breaking change fails it, unless the newest section of CHANGELOG.md names it. So does another specification in the place of
the last release's: docs/releases.md has its digest.
"""

from __future__ import annotations

import hashlib
import json
import sys

from local.breaking_changes import Json, breaking_changes
from local.emulator import ROOT

RELEASED = ROOT / "docs" / "openapi-released.json"


def main() -> None:
    if not is_named(RELEASED.read_bytes(), (ROOT / "docs" / "releases.md").read_text()):
        sys.exit(
            "docs/openapi-released.json is not what docs/releases.md names by its SHA-256: only a release changes both"
        )
    released = json.loads(RELEASED.read_text())
    current = json.loads((ROOT / "docs" / "openapi.json").read_text())
    text, failed = report(released, current, (ROOT / "CHANGELOG.md").read_text())
    sys.stdout.write(text)
    sys.exit(failed)


def is_named(specification: bytes, releases: str) -> bool:
    """Is it the one whose digest docs/releases.md has? Who copies a changed one over it has to change that, too."""
    return f"{hashlib.sha256(specification).hexdigest()}  docs/openapi-released.json" in releases


def report(released: Json, current: Json, changelog: str) -> tuple[str, int]:
    """What to say, and the exit status. A change is declared by its line in the newest section of the changelog."""
    declared = {" ".join(item.split()) for item in changelog.split("\n## ")[1].split("\n- ")[1:]}
    undeclared = [change for change in breaking_changes(released, current) if change not in declared]
    if not undeclared:
        return "docs/openapi.json has no breaking change that CHANGELOG.md does not name.\n", 0
    lines = [
        "Clients of docs/openapi-released.json break. Avoid it, or put these lines into the newest section of CHANGELOG.md:"
    ]
    return "".join(f"{line}\n" for line in [*lines, *(f"- {change}" for change in undeclared)]), 1


if __name__ == "__main__":
    main()
