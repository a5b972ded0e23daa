"""Compares the API's specification with the one that clients rely on, the last release's; part of `make check`.

A breaking change fails it, unless the newest section of CHANGELOG.md names it.
"""

from __future__ import annotations

import json
import sys

from local.breaking_changes import Json, breaking_changes
from local.emulator import ROOT

RELEASED = ROOT / "docs" / "openapi-released.json"


def main() -> None:
    released = json.loads(RELEASED.read_text())
    current = json.loads((ROOT / "docs" / "openapi.json").read_text())
    text, failed = report(released, current, (ROOT / "CHANGELOG.md").read_text())
    sys.stdout.write(text)
    sys.exit(failed)


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
