"""What is left of the dependencies in the layer: botocore describes 400 services, and three are called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.wheels import SERVICES_USED
from local.emulator import PYTHON, ROOT

MAX_BYTES = 30_000_000
"""Unzipped, this machine's wheels; about 8 MB zipped. With all of botocore's data it would be twice that."""


def test_the_layer_has_what_every_function_imports_and_no_other_services(tmp_path: Path) -> None:
    from infra.bundling import Wheels  # here, because CDK takes seconds to load

    assert Wheels(["--python", str(PYTHON)]).try_bundle(str(tmp_path))
    (packages,) = tmp_path.iterdir()
    assert packages.name == "python", "where Lambda looks for a layer's packages"
    data = packages / "botocore" / "data"
    assert {entry.name for entry in data.iterdir() if entry.is_dir()} == SERVICES_USED
    handlers = ", ".join(f"{file.parent.name}.handler" for file in (ROOT / "functions").glob("*/handler.py"))
    assert "deliver.handler" in handlers
    making = f"import {handlers}; from webhooks.clients import client; [client(name) for name in {SERVICES_USED}]"
    path = os.pathsep.join(map(str, (packages, ROOT / "layers" / "webhooks" / "python", ROOT / "functions")))
    environment = {"PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([PYTHON, "-S", "-c", making], env=environment, check=True)
    assert not [*packages.rglob("__pycache__"), *packages.glob("*/tests"), *packages.glob("bin")]
    assert sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) < MAX_BYTES
