"""The mutants that change nothing that anybody can observe: the table in docs/mutation.md, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from local.emulator import ROOT

DOCUMENT = ROOT / "docs" / "mutation.md"
_ROW = re.compile(r"^\| `([a-z]+/[\w*]+\.py)` \| `(.+?)` \| (.+?) \| .+ \|$", re.MULTILINE)


@dataclass(frozen=True)
class Equal:
    """
    Where code of the `module` `was` this, the mutant has what it `becomes`: nothing, if it is only taken away. A `*` in the
    module's name stands for any.
    """

    module: str
    was: str
    becomes: str

    def is_made_by(self, module: str, removed: str, added: str) -> bool:
        """Whether a mutant of the module, with these lines for those, is this one."""
        return fnmatch(module, self.module) and any(
            _same(removed[:at] + self.becomes + removed[at + len(self.was) :], added)
            for at in (found.start() for found in re.finditer(re.escape(self.was), removed))
        )


def equal_mutants() -> list[Equal]:
    return [
        Equal(module, was, becomes)
        for module, was, cell in _ROW.findall(DOCUMENT.read_text().replace(r"\|", "|"))
        for becomes in [*re.findall("`(.+?)`", cell), *(["" for _ in re.findall("nothing", cell)])]
    ]


def changed_lines(diff: str) -> tuple[str, str]:
    """What a mutant's diff takes away, and what it puts there."""
    return "\n".join(_lines(diff, "-")), "\n".join(_lines(diff, "+"))


def _lines(diff: str, sign: str) -> Iterator[str]:
    return (line[1:].strip() for line in diff.splitlines() if line.startswith(sign) and line[:3] != sign * 3)


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()
