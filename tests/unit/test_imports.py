"""What the functions leave to the layer, and what each handler must not load: cold starts, in a fresh process."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from local.emulator import ROOT

PATHS = os.pathsep.join(map(str, (ROOT / "functions", ROOT / "layers/webhooks/python")))
UNUSED = ("pydantic", "boto3", "aws_lambda_powertools", "aws_xray_sdk")
"""By all functions but the API."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("handler", "unwanted"),
    [
        ("deliver.handler", [*UNUSED, "webhooks.event_types", "api", "fanout"]),
        (
            "deliver.dead_letters",
            [*UNUSED, "requests", "concurrent.futures.thread", "deliver.handler", "deliver.worker", "api"],
        ),
        (
            "fanout.handler",
            [*UNUSED, "requests", "webhooks.event_models", "api", "deliver"],
        ),
        (
            "deliver.release",
            [*UNUSED, "requests", "deliver.handler", "deliver.worker", "webhooks.event_types", "api", "fanout"],
        ),
        (
            "deliver.erase",
            [*UNUSED, "requests", "deliver.handler", "deliver.worker", "webhooks.event_types", "api", "fanout"],
        ),
        ("canary.handler", [*UNUSED, "requests", "api", "deliver", "fanout"]),
        ("mail.handler", [*UNUSED, "requests", "webhooks.config_table", "api", "deliver"]),
        (
            "api.handler",
            ["webhooks.telemetry", "requests", "boto3", "webhooks.event_models", "aws_xray_sdk", "deliver", "fanout"],
        ),
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


def test_every_request_to_the_tables_is_made_in_the_layer() -> None:
    for path in (ROOT / "functions").rglob("*.py"):
        found = re.search(r"TableName|Expression|item_keys|batch_get|batch_delete", path.read_text())
        assert not found, f"{path}: {found}"
