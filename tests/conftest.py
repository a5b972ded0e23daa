"""moto first: clients made at import time must already be its own."""

import logging
import os
import signal
from contextlib import ExitStack
from logging.handlers import MemoryHandler
from typing import Any

import moto  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

os.environ.update(
    AWS_ACCESS_KEY_ID="testing" + os.environ.get("PYTEST_XDIST_WORKER", ""),
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_SERVICE_NAME="test",
    POWERTOOLS_METRICS_NAMESPACE="test",
    LOCAL_ALLOW_LOOPBACK="1",
)
for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
    os.environ.pop(name, None)

from tests import sharing  # noqa: E402
from tests.deployed import account, deployed, new_account, receiver, shared_stack  # noqa: E402

__all__ = ["account", "deployed", "new_account", "receiver", "shared_stack"]

# The first draw of a fresh checkout builds tables for a second; timing is no property of the code under test.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # a worker of pytest-xdist: what it shares belongs to the process that started it
    signal.signal(signal.SIGTERM, _interrupt)
    ending = ExitStack()
    ending.enter_context(sharing.run())
    config.add_cleanup(ending.close)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def pytest_unconfigure() -> None:
    """Lines that no test wrote would be written at exit, to a stream that pytest has closed by then."""
    for handler in logging.getLogger("deliveries").handlers:
        if isinstance(handler, MemoryHandler):
            handler.buffer.clear()


ORDER = ("unit", "integration", "examples", "infra", "model", "e2e", "portal")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    The quick ones first: who breaks a rule hears of it before the stack is deployed.

    Among parallel processes, the slow ones that take longest come first, so that none is left over at the end; and one
    process begins with what needs the stack to itself, while the others do not need it yet.
    """
    items.sort(key=lambda item: ORDER.index(item.path.parent.name))
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_minutes, reverse=True)
        items.sort(key=lambda item: item.get_closest_marker("alone") is None)
        for item in items:
            for group in _groups(item):
                item.add_marker(pytest.mark.xdist_group(group))


def _minutes(item: pytest.Item) -> int:
    """That it takes, as its marker says; 0 for all that take less than two."""
    marker = item.get_closest_marker("slow")
    return marker.kwargs.get("minutes", 0) if marker else 0


def _groups(item: pytest.Item) -> list[str]:
    if item.get_closest_marker("alone"):
        return ["alone"]
    # CDK starts a process of its own and takes seconds to load: once.
    return ["infra"] if item.path.parent.name == "infra" else []
