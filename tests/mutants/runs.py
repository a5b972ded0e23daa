"""Runs mutmut in a directory of each group's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from local.emulator import ROOT
from tests.mutants.groups import GROUPS, LEFT_OUT, Group
from tests.template import default_template

DIRECTORY = ROOT / ".local" / "mutants"
_PACKAGES = {init.parent.name: init.parent for init in (ROOT / "functions").glob("*/__init__.py")} | {
    "webhooks": ROOT / "layers" / "webhooks" / "python" / "webhooks"
}
_ALSO = ["docs", "examples", "infra", "local", "cdk.json", "requirements-dev.txt"]


def path_of(module: str) -> Path:
    package, _, name = module.partition("/")
    return _PACKAGES[package] / name


def wanted(name: str, modules: Sequence[str], only: Sequence[str], sample: int | None) -> dict[str, list[str]]:
    """Of each module the mutants, by name, that are `only` wanted; of them as many as `sample` says at most."""
    listed = subprocess.run(
        [sys.executable, "-c", _NAMES, *modules], cwd=DIRECTORY / name, check=True, capture_output=True, text=True
    )
    found: dict[str, list[str]] = json.loads(listed.stdout)
    for module, names in found.items():
        if not {name, module} & set(only):
            names[:] = [each for each in names if each in only]
        if sample is not None:
            Random(module).shuffle(names)
            del names[sample:]
    return found


def lay_out(name: str) -> None:
    """A directory in which each package is at the top, because mutmut takes a file's path for its name."""
    default_template()  # so that no mutant waits for the CDK
    tree = DIRECTORY / name
    (tree / "tests").mkdir(parents=True, exist_ok=True)
    linked = {tree / package: path for package, path in _PACKAGES.items()} | {
        tree / each: ROOT / each for each in _ALSO
    }
    linked |= {tree / ".local" / "templates": ROOT / ".local" / "templates"}
    linked |= {tree / "conftest.py": Path(__file__).parent / "mutants_conftest.py"}
    folders = ("events", "integration", "unit", "__init__.py", "conftest.py", "deployed.py", "our_modules.py")
    linked |= {tree / "tests" / each: ROOT / "tests" / each for each in (*folders, "sharing.py", "template.py")}
    for link, path in linked.items():
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)  # it may lead to a file that has another name by now
        link.symlink_to(path)
    # mutmut would take what it copied and learnt before for what there is now.
    shutil.rmtree(tree / "mutants", ignore_errors=True)
    (tree / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + _settings(GROUPS[name]))


def _settings(group: Group) -> str:
    options = ["-m", "not slow", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    settings = {
        "source_paths": list(_PACKAGES),
        "only_mutate": list(group.modules),
        "also_copy": [*_ALSO, ".local/templates", "conftest.py"],
        "pytest_add_cli_args_test_selection": list(group.tests),
        "pytest_add_cli_args": [*options, *(f"--deselect={test}" for test in LEFT_OUT)],
        # Pools of threads that the tests have used would not survive a fork.
        "process_isolation": "forkserver",
        # (what the tests take + 15 s) × 3: a mutant that hangs is caught, and a slow machine is no mutant.
        "timeout_constant": 15.0,
        "timeout_multiplier": 3.0,
        "on_dependency_change": "ignore",
    }
    lines = (f"{option} = {json.dumps(value)}" for option, value in settings.items())
    return "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"


def mutmut(name: str, *arguments: str) -> str:
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
import json, sys; from pathlib import Path
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name
def names(path): return [get_mutant_name(path, n) for n in mutate_file_contents(str(path), path.read_text()).mutant_names]
print(json.dumps({module: names(Path(module)) for module in sys.argv[1:]}))
"""


def verdicts(name: str, module: str, mutants: Sequence[str]) -> dict[str, str]:
    codes = json.loads((DIRECTORY / name / "mutants" / f"{module}.meta").read_text())["exit_code_by_key"]
    return {mutant: _VERDICTS.get(codes[mutant], "suspicious") for mutant in mutants}


_VERDICTS: dict[int | None, str] = {
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    None: "not checked",
    **dict.fromkeys((24, -24, 36, 152), "timeout"),
    **dict.fromkeys((-9, -11), "segfault"),
}
"""By mutmut's exit codes. 255, which it takes for a timeout, is that of tests that could not be run."""


def module_of(mutant: str) -> str:
    return f"{mutant.rpartition('.')[0].replace('.', '/')}.py"
