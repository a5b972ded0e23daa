"""
The conftest.py where mutants are tested, which makes each quick. It is over at the first of its tests that fails: those come
first that failed for the mutants before, then the quickest. One that hangs ends. What most tests load is loaded before the
mutants' processes begin, which are forks of one.
"""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws

_MEASURED = Path("mutmut-stats.json")
"""Written where the tests run, when mutmut has run each of them once."""

_FAILED = Path("failed-tests.txt")
"""For each mutant that was killed the test that did it, beside it."""

_LATELY = 8

_HANDLERS = (
    "api.handler",
    "deliver.dead_letters",
    "deliver.erase",
    "deliver.handler",
    "deliver.release",
    "fanout.handler",
)

_HANGS_AFTER = 20
"""Seconds, and ten times those that the test takes: the machine may be busy, and what the tests share is yet to be made."""

_TIMEOUT = 36
"""The exit code by which mutmut knows it."""


@pytest.hookimpl(trylast=True)  # after the order of tests/conftest.py
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lately = _FAILED.read_text().splitlines()[: -_LATELY - 1 : -1] if _FAILED.exists() else []
    items.sort(key=lambda item: (item.nodeid not in lately, _seconds(item)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        with _FAILED.open("a") as killers:
            killers.write(report.nodeid + "\n")
        if _MEASURED.exists() and os.environ.get("MUTANT_UNDER_TEST"):
            os._exit(1)  # what the mutant has broken may raise again while it is torn down, with another exit code


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.option.collectonly and "tests/integration" in str(session.config.args):
        from tests.integration import resources
        from tests.template import default_template
        from webhooks.clients import client

        _read_services_once()
        with mock_aws(config={"core": {"mock_credentials": False}}):
            services: dict[Any, Any] = {name: boto3.client(name) for name in ("dynamodb", "sqs", "events")}
            resources.create(default_template(), **services)
            for service in services:
                client(service)
            for handler in _HANDLERS:
                import_module(handler)
    gc.freeze()  # pytest collects garbage at its end, twice: none of what is here


def _read_services_once() -> None:
    """boto3 reads its description of a service anew in each session, and moto ends the session with each mock."""
    load_file = cache(JSONFileLoader().load_file)
    setattr(JSONFileLoader, "load_file", lambda _, path: load_file(path))  # noqa: B010


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
