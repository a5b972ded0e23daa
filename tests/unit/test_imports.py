"""Cold starts: what each handler must not load, in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local.emulator import ROOT

PATHS = os.pathsep.join(map(str, (ROOT / "functions", ROOT / "layers/webhooks/python")))


@pytest.mark.parametrize(
    ("handler", "unwanted"),
    [
        ("deliver.handler", ["pydantic", "boto3", "aws_xray_sdk", "api", "fanout", "webhooks.event_types"]),
        ("deliver.dead_letters", ["pydantic", "boto3", "aws_xray_sdk", "api", "fanout"]),
        (
            "fanout.handler",
            ["requests", "pydantic", "boto3", "aws_xray_sdk", "api", "deliver", "webhooks.event_models"],
        ),
        ("api.handler", ["requests", "boto3", "webhooks.event_models", "aws_xray_sdk", "deliver", "fanout"]),
    ],
)
def test_a_handler_loads_only_what_it_needs(handler: str, unwanted: list[str]) -> None:
    command = f"import sys, {handler}; print(*[name for name in {unwanted!r} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", command],
        env=os.environ | {"PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == []
