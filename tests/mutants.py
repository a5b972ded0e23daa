"""Mutation testing: `make mutants` changes one thing in the code at a time, and says which changes no test notices."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from local.emulator import ROOT
from tests.template import default_template

DIRECTORY = ROOT / ".local" / "mutants"
_OURS = {init.parent.name: init.parent for init in (ROOT / "functions").glob("*/__init__.py")} | {
    "webhooks": ROOT / "layers" / "webhooks" / "python" / "webhooks"
}
_ALSO = ["docs", "examples", "infra", "local", "cdk.json", "requirements-dev.txt"]


@dataclass(frozen=True)
class Group:
    """Modules, and the tests that are about them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS = {
    "decisions": Group(
        ("deliver/failures.py", "deliver/retry_after.py", "deliver/schedule.py", "webhooks/addresses.py"),
        (
            "tests/unit/test_addresses.py",
            "tests/unit/test_failures.py",
            "tests/unit/test_retry_after.py",
            "tests/unit/test_schedule.py",
        ),
    ),
    "deliver": Group(
        (
            "deliver/snapshots.py",
            "deliver/worker.py",
            "deliver/recording.py",
            "deliver/attempt_metrics.py",
            "deliver/lanes.py",
            "deliver/dead_letters.py",
            "deliver/unattempted.py",
            "deliver/visibility.py",
        ),
        (
            "tests/unit/test_schedule.py",
            "tests/unit/test_lanes.py",
            "tests/unit/test_snapshots.py",
            "tests/integration/test_deliver.py",
            "tests/integration/test_dead_letters.py",
            "tests/integration/test_lanes.py",
            "tests/integration/test_gone.py",
            "tests/integration/test_ended_early.py",
            "tests/integration/test_telemetry.py",
        ),
    ),
    "fanout": Group(
        ("fanout/batch.py", "fanout/handler.py", "fanout/incoming.py"),
        (
            "tests/integration/test_fanout.py",
            "tests/integration/test_pace.py",
            "tests/integration/test_telemetry.py",
        ),
    ),
    "api": Group(
        ("api/access.py", "api/retries.py"),
        (
            "tests/integration/test_api_access.py",
            "tests/integration/test_api_keys.py",
            "tests/integration/test_api_retries.py",
            "tests/integration/test_api_session.py",
        ),
    ),
    "storage": Group(
        (
            "webhooks/attribute_values.py",
            "webhooks/config_table.py",
            "webhooks/delivery_lists.py",
            "webhooks/delivery_log.py",
            "webhooks/expressions.py",
            "webhooks/item_keys.py",
            "webhooks/items.py",
            "webhooks/recoverable_deliveries.py",
            "webhooks/retention.py",
            "webhooks/webhook_lists.py",
            "webhooks/webhook_marks.py",
        ),
        (
            "tests/unit/test_expressions.py",
            "tests/unit/test_items.py",
            "tests/integration/test_api_deliveries.py",
            "tests/integration/test_api_recovery.py",
            "tests/integration/test_api_subscriptions.py",
            "tests/integration/test_api_webhooks.py",
            "tests/integration/test_config_table.py",
            "tests/integration/test_dead_letters.py",
            "tests/integration/test_erasure.py",
            "tests/integration/test_gone.py",
            "tests/integration/test_lanes.py",
        ),
    ),
}
# The first are about other processes, which have no mutants; each mutant that survives would wait for the others.
_LEFT_OUT = (
    "tests/unit/test_addresses.py::test_the_results_are_the_same_on_every_python",
    "tests/unit/test_addresses.py::test_the_standard_library_is_enough_but_for_international_names",
    "tests/integration/test_api_deliveries.py::test_a_page_of_long_answers_ends_before_lambdas_own_limit",
    "tests/integration/test_api_webhooks.py::test_switching_a_webhook_on_and_off_does_not_flood_the_bus",
    "tests/integration/test_connections.py::test_a_flooding_endpoint_holds_up_no_batch",
    "tests/integration/test_pace.py::test_what_waits_is_released_in_order_at_its_pace",
    "tests/integration/test_lanes.py::test_names_that_hang_hold_up_nobody_in_a_batch_of_retries",
)
_CAUGHT = {"killed", "timeout", "segfault"}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    arguments.add_argument("only", nargs="*", help="groups (deliver), modules (deliver/schedule.py), mutants; else all")
    arguments.add_argument("--sample", type=int, help="of each module, so many mutants at most: always the same ones")
    given = arguments.parse_args()
    known = {*GROUPS, *(module for group in GROUPS.values() for module in group.modules)}
    if unknown := [each for each in given.only if not {each, _module_of(each)} & known]:
        arguments.error(f"GROUPS has no {' '.join(unknown)}")
    sys.exit(sum(run(name, given.only or [name], given.sample) for name in GROUPS) > 0)


def run(name: str, only: Sequence[str], sample: int | None = None) -> int:
    """Of a group: prints each module's score and the mutants that survived, and returns how many did."""
    modules = [m for m in GROUPS[name].modules if {name, m} & set(only) or m in map(_module_of, only)]
    if not modules:
        return 0
    _lay_out(name)
    wanted = {module: _wanted(name, module, only, sample) for module in modules}
    if not any(wanted.values()):
        sys.exit(f"no such mutants: {' '.join(only)}")
    _mutmut(name, "run", "--max-children", "1", *(each for mutants in wanted.values() for each in mutants))
    left = 0
    for module, mutants in wanted.items():
        verdicts = _verdicts(name, module, mutants)
        survivors = [mutant for mutant, verdict in verdicts.items() if verdict not in _CAUGHT]
        if verdicts:
            counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(verdicts.values()).items()))
            sys.stdout.write(f"{module}: {len(verdicts)} mutants, {counted}\n")
        for survivor in survivors:
            sys.stdout.write(_mutmut(name, "show", survivor))
        left += len(survivors)
    return left


def _wanted(name: str, module: str, only: Sequence[str], sample: int | None) -> list[str]:
    """The module's mutants, by name, that are `only` wanted."""
    listed = subprocess.run(
        [sys.executable, "-c", _NAMES, module], cwd=DIRECTORY / name, check=True, capture_output=True, text=True
    )
    names = listed.stdout.split()
    if not {name, module} & set(only):
        names = [each for each in names if each in only]
    if sample is not None:
        Random(module).shuffle(names)
    return names[:sample]


def _lay_out(name: str) -> None:
    """A directory in which each package is at the top, because mutmut takes a file's path for its name."""
    default_template()  # so that no mutant waits for the CDK
    tree = DIRECTORY / name
    (tree / "tests").mkdir(parents=True, exist_ok=True)
    linked = {tree / package: path for package, path in _OURS.items()} | {tree / each: ROOT / each for each in _ALSO}
    linked |= {tree / ".local" / "templates": ROOT / ".local" / "templates"}
    folders = ("events", "integration", "unit", "__init__.py", "conftest.py", "deployed.py", "our_modules.py")
    linked |= {tree / "tests" / each: ROOT / "tests" / each for each in (*folders, "sharing.py", "template.py")}
    for link, path in linked.items():
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(path)
    # mutmut would take what it copied and learnt before for what there is now.
    shutil.rmtree(tree / "mutants", ignore_errors=True)
    (tree / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + _settings(GROUPS[name]))


def _settings(group: Group) -> str:
    options = ["-m", "not slow", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    settings = {
        "source_paths": list(_OURS),
        "only_mutate": list(group.modules),
        "also_copy": [*_ALSO, ".local/templates"],
        "pytest_add_cli_args_test_selection": list(group.tests),
        "pytest_add_cli_args": [*options, *(f"--deselect={test}" for test in _LEFT_OUT)],
        # Pools of threads that the tests have used would not survive a fork.
        "process_isolation": "forkserver",
        # (what the tests take + 15 s) × 3: a mutant that hangs is caught, and a slow machine is no mutant.
        "timeout_constant": 15.0,
        "timeout_multiplier": 3.0,
        "on_dependency_change": "ignore",
    }
    lines = (f"{option} = {json.dumps(value)}" for option, value in settings.items())
    return "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"


def _mutmut(name: str, *arguments: str) -> str:
    """What it prints. A run's progress goes to the terminal, if there is one."""
    shown = arguments[0] == "run" and sys.stdout.isatty()
    # Not of the test that runs it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "mutmut"), *arguments],
        cwd=DIRECTORY / name,
        env=environment | {"PYTHONHASHSEED": "0", "PYTHONPATH": ""},
        stdout=None if shown else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"mutmut failed\n{(done.stdout or '')[-4000:]}")
    return done.stdout or ""


_NAMES = """
import sys; from pathlib import Path
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name
path = Path(sys.argv[1])
print(*(get_mutant_name(path, name) for name in mutate_file_contents(str(path), path.read_text()).mutant_names))
"""


def _verdicts(name: str, module: str, mutants: Sequence[str]) -> dict[str, str]:
    codes = json.loads((DIRECTORY / name / "mutants" / f"{module}.meta").read_text())["exit_code_by_key"]
    return {mutant: _VERDICTS.get(codes[mutant], "suspicious") for mutant in mutants}


_VERDICTS: dict[int | None, str] = {
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    None: "not checked",
    **dict.fromkeys((24, -24, 36, 152, 255), "timeout"),
    **dict.fromkeys((-9, -11), "segfault"),
}
"""By mutmut's exit codes."""


def _module_of(mutant: str) -> str:
    return f"{mutant.rpartition('.')[0].replace('.', '/')}.py"


if __name__ == "__main__":
    main()
