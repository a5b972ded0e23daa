"""What is left of the dependencies in the layer: botocore describes 400 services, and three are called."""

from __future__ import annotations

from pathlib import Path
from typing import get_overloads

from infra.bundling import SERVICES_USED, bundle
from local.emulator import PYTHON
from webhooks import clients

MOST_BYTES = 30_000_000
"""Unzipped, this machine's wheels; about 8 MB zipped. With all of botocore's data it would be twice that."""


def test_the_layer_can_make_every_client_and_carries_no_other_services(tmp_path: Path) -> None:
    bundle(tmp_path, ["--python", str(PYTHON)])
    data = tmp_path / "botocore" / "data"
    assert {entry.name for entry in data.iterdir() if entry.is_dir()} == SERVICES_USED
    assert (data / "endpoints.json").exists() and (data / "partitions.json").exists()
    assert not [*tmp_path.rglob("__pycache__"), *tmp_path.glob("*/tests"), *tmp_path.glob("bin")]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < MOST_BYTES


def test_what_is_kept_is_what_is_called() -> None:
    overloads = get_overloads(clients.client.__wrapped__)
    assert {overload.__annotations__["service"] for overload in overloads} == {
        f'Literal["{service}"]' for service in SERVICES_USED
    }
