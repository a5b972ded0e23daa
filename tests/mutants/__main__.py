"""Mutation testing: `make mutants` changes one thing in the code at a time, and says which changes no test notices."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from tests.mutants import runs
from tests.mutants.equal import changed_lines, equal_mutants
from tests.mutants.groups import GROUPS, SAMPLE

_CAUGHT = {"killed", "timeout", "segfault"}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    arguments.add_argument("only", nargs="*", help="groups (deliver), modules (deliver/schedule.py), mutants; else all")
    arguments.add_argument("--sample", type=int, help="of each module, so many mutants at most: always the same ones")
    given = arguments.parse_args()
    known = {*GROUPS, *(module for group in GROUPS.values() for module in group.modules)}
    if unknown := [each for each in given.only if not {each, runs.module_of(each)} & known]:
        arguments.error(f"GROUPS has no {' '.join(unknown)}")
    names = [name for name in GROUPS if name != SAMPLE or SAMPLE in given.only]
    sys.exit(sum(run(name, given.only or [name], given.sample) for name in names) > 0)


def run(name: str, only: Sequence[str], sample: int | None = None) -> int:
    """Of a group: prints each module's score and the mutants that survived, and returns how many did."""
    modules = [m for m in GROUPS[name].modules if {name, m} & set(only) or m in map(runs.module_of, only)]
    if not modules:
        return 0
    runs.lay_out(name)
    wanted = runs.wanted(name, modules, only, sample)
    if not any(wanted.values()):
        sys.exit(f"no such mutants: {' '.join(only)}")
    runs.mutmut(name, "run", "--max-children", "1", *(each for mutants in wanted.values() for each in mutants))
    return sum(_report(name, module, mutants) for module, mutants in wanted.items() if mutants)


def _report(name: str, module: str, mutants: Sequence[str]) -> int:
    verdicts = runs.verdicts(name, module, mutants)
    survivors: list[str] = []
    for mutant in [mutant for mutant, verdict in verdicts.items() if verdict not in _CAUGHT]:
        diff = runs.mutmut(name, "show", mutant)
        if any(equal.is_made_by(module, *changed_lines(diff)) for equal in equal_mutants()):
            verdicts[mutant] = "equal"
        else:
            survivors.append(diff)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(verdicts.values()).items()))
    sys.stdout.write(f"{module}: {len(verdicts)} mutants, {counted}\n" + "".join(survivors))
    sys.stdout.flush()
    return len(survivors)


if __name__ == "__main__":
    main()
