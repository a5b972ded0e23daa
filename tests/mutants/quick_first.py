"""
What makes a mutant quick: the quickest of its tests come first, as it is over at the first that fails; one that hangs ends;
and what boto3 and moto load is loaded before the mutants' processes begin, which are forks of one.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

_MEASURED = Path("mutmut-stats.json")
"""Written where the tests run, when mutmut has run each of them once."""

_HANGS_AFTER = 20
"""Seconds, and ten times those that the test takes: the machine may be busy, and what the tests share is yet to be made."""

_TIMEOUT = 36
"""The exit code by which mutmut knows it."""


@pytest.hookimpl(trylast=True)  # after the order of tests/conftest.py
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_seconds)


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.option.collectonly and "tests/integration" in str(session.config.args):
        from tests.integration import resources
        from tests.template import default_template
        from webhooks.clients import client

        with mock_aws(config={"core": {"mock_credentials": False}}):
            services = {service: boto3.client(service) for service in ("dynamodb", "sqs", "events")}
            resources.create(default_template(), **services)
            for service in ("dynamodb", "sqs", "events"):
                client(service)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    if not _MEASURED.exists():
        return (yield)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(_TIMEOUT))
    signal.alarm(_HANGS_AFTER + int(10 * _seconds(item)))
    try:
        return (yield)
    finally:
        signal.alarm(0)


def _seconds(item: pytest.Item) -> float:
    return _measured().get(item.nodeid, 0) if _MEASURED.exists() else 0


@cache
def _measured() -> dict[str, float]:
    seconds: dict[str, float] = json.loads(_MEASURED.read_text())["duration_by_test"]
    return seconds
