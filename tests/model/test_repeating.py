"""A seed's histories are the same in every process, so that one that fails can be looked at again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.emulator import ROOT


def histories(hash_seed: str, *modules: str) -> list[str]:
    """In a process of its own, which has loaded the modules, too: a line for each."""
    shown = subprocess.run(
        [sys.executable, "-m", "tests.model.repeating", "12", "20", *modules],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.splitlines()


@pytest.mark.slow
def test_a_seed_repeats_its_histories_whatever_is_loaded_and_however_sets_are_sorted() -> None:
    once = histories("1")
    assert len(once) >= 12
    assert histories("2", "bench.chart", "bench.cost_page", "smoke.checks") == once
