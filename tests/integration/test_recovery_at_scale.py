"""10,000 failed deliveries, on the emulator's DynamoDB and SQS: moto is too slow for so many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import emulator
from tests import sharing
from tests.integration import resources
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, listening, using
from tests.integration.pipeline import Pipeline
from tests.integration.test_api_recovery import costs, logged
from tests.template import default_template
from webhooks import clients


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    directory = Path(tempfile.mkdtemp(dir=sharing.directory()))
    try:
        running = emulator.start(directory)
        for name, value in emulator.environment(running.endpoint_url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LOCAL_READ_SECONDS", "60")  # it reads 110,000 items for the last page
        session = boto3.Session()
        made = {service: session.client(service) for service in ("dynamodb", "sqs", "events")}
        created = resources.create(default_template(), **made)
        with _new_clients():
            yield from using(made, created, listening(made, created.bus), monkeypatch)
    finally:
        emulator.stop(directory)
        shutil.rmtree(directory)


@contextmanager
def _new_clients() -> Iterator[None]:
    """The functions' own, for the emulator; afterwards they are moto's again."""
    cached: list[Any] = [clients.client, clients._session]
    try:
        for each in cached:
            each.cache_clear()
        yield
    finally:
        for each in cached:
            each.cache_clear()


@pytest.mark.slow(minutes=6)
def test_what_succeeded_costs_a_recovery_nothing(emulated: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("RECOVERIES", "HOST_SENDS", "LISTINGS"):
        monkeypatch.setenv(f"{limit}_PER_MINUTE", "1000000")
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
