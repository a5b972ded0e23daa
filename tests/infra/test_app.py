"""The CDK app as its CLI starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.emulator import ROOT


@pytest.mark.slow
def test_lambda_can_read_the_code_whatever_the_umask_was(tmp_path: Path) -> None:
    """Of whoever checked it out, and of whoever deploys it: the CLI packs files with their modes."""
    for part in ("functions", "layers"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    paths = (ROOT, ROOT / "functions", ROOT / "layers/webhooks/python")
    settings = {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": []}),
        "CDK_VALIDATION": "false",
    }
    command = [sys.executable, "-m", "infra.app"]
    subprocess.run(command, cwd=tmp_path, env=os.environ | settings, umask=0o077, check=True)
    packed = [path for path in (tmp_path / "out").glob("asset.*/**/*") if path.is_file()]
    assert {path.name for path in packed} >= {"handler.py", "dead_letters.py", "signing.py"}
    assert [path for path in packed if not path.stat().st_mode & 0o004] == []
