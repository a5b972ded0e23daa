"""10,000 failed deliveries, on the emulator's DynamoDB and SQS: moto is too slow for so many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import emulator
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, create, using
from tests.integration.pipeline import Pipeline
from tests.integration.test_api_recovery import costs, logged


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    emulator.ROOT.joinpath(".local").mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="test-", dir=emulator.ROOT / ".local"))
    try:
        running = emulator.start(directory)
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        yield from using(create(), monkeypatch)
    finally:
        emulator.stop(directory)
        shutil.rmtree(directory)


@pytest.mark.slow
def test_what_succeeded_costs_a_recovery_nothing(emulated: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOVERIES_PER_MINUTE", "1000")
    Pipeline(emulated).webhook("https://localhost:1/")
    account = Api().of_account("acme")
    found = []
    for beside in (0, 100_000):
        logged(emulated, beside, "delivered", seconds_ago=7200)
        found.append(costs(emulated, account, failed=10_000, pages=[100] * 100))
        print(f"10,000 failed beside {beside:,} delivered, 100 pages: {dict(sorted(found[-1].items()))}")
    assert found[0] == found[1]
    assert found[0]["SendMessageBatch"] == 1000
    assert found[0]["read Query"] == 10_000
