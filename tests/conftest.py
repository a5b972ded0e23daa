"""moto first: clients made at import time must already be its own."""

import os

import moto  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_SERVICE_NAME="test",
    POWERTOOLS_METRICS_NAMESPACE="test",
    LOCAL_ALLOW_LOOPBACK="1",
)
for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
    os.environ.pop(name, None)

from tests.deployed import account, deployed, new_account, receiver  # noqa: E402

__all__ = ["account", "deployed", "new_account", "receiver"]

# The first draw of a fresh checkout builds tables for a second; timing is no property of the code under test.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick ones first: who breaks a rule hears of it before the stack is deployed."""
    order = {"unit": 0, "integration": 1, "infra": 2, "model": 3, "e2e": 4, "portal": 5}
    items.sort(key=lambda item: order.get(item.path.parent.name, 2))
