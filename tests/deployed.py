"""The real template on the emulator, deployed once for all processes of a run, and real receivers over TLS."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import ca, stack
from local.client import Client, account_client
from local.receiver import Receiver, receiving
from local.stack import Outputs
from tests import sharing
from webhooks.models import new_id

CONCURRENT = 8
"""Of each function on the shared stack, but the API's."""

CALLS = 20
"""Of the API: five processes of tests with a page, which makes two calls at once, a browser that opens it, and a client."""

MAIL_FROM = "webhooks@example.com"
SETTINGS = {"canary": "on", "mail_from": MAIL_FROM}
"""Of the shared stack: what is off by default."""


@dataclass(frozen=True)
class Deployed:
    outputs: Outputs
    resources: dict[str, str]
    platform: Client


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    """With a schedule of seconds. The first process that needs it deploys it; it goes with the run's directory."""
    directory = sharing.directory() / "stack"
    with sharing.locked("deploy"):
        outputs = _deployed_already(directory) or _deploy(directory)
    platform = Client(outputs.api_url, outputs.platform_key)
    yield Deployed(outputs, stack.resources(directory), platform)
    platform.close()


def _deployed_already(directory: Path) -> Outputs | None:
    if (directory / "failed").exists():
        pytest.fail((directory / "failed").read_text(), pytrace=False)
    written = directory / "outputs.json"
    return Outputs(**json.loads(written.read_text())) if written.exists() else None


def _deploy(directory: Path) -> Outputs:
    try:
        outputs = stack.up(directory, retry_delays=(1, 2, 3), say=print, settings=SETTINGS)
        _make_room(outputs)
        outputs.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
        return outputs
    except Exception as failed:
        directory.mkdir(exist_ok=True)
        (directory / "failed").write_text(f"no stack: {failed}")  # the others need not try the same
        raise


def _make_room(outputs: Outputs) -> None:
    """
    For several processes of tests: the local stage runs two of each function, and the emulator loses other events.

    It answers calls above that with 429, where API Gateway answers 503.
    """
    client = outputs.client("lambda")
    for function in client.list_functions()["Functions"]:
        bound = CALLS if function["Handler"].startswith("api.") else CONCURRENT
        client.put_function_concurrency(FunctionName=function["FunctionName"], ReservedConcurrentExecutions=bound)


@pytest.fixture(autouse=True)
def shared_stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests use the stack side by side; one that is marked `alone` waits until it has it to itself."""
    if "deployed" not in request.fixturenames:
        yield
        return
    with sharing.locked("stack", shared=request.node.get_closest_marker("alone") is None):
        yield


@contextmanager
def deploying(retry_delays: Sequence[int], settings: Mapping[str, str] | None = None) -> Iterator[Deployed]:
    """A stack of its own on a free port, beside whatever else is running."""
    directory = Path(tempfile.mkdtemp(dir=sharing.directory()))
    try:
        outputs = stack.up(directory, retry_delays=retry_delays, say=print, settings=settings or {})
        platform = Client(outputs.api_url, outputs.platform_key)
        yield Deployed(outputs, stack.resources(directory), platform)
        platform.close()
    finally:
        stack.down(directory)
        shutil.rmtree(directory)


@pytest.fixture
def receiver(deployed: Deployed) -> Iterator[Receiver]:
    with receiving_for(deployed) as receiver:
        yield receiver


@contextmanager
def receiving_for(deployed: Deployed) -> Iterator[Receiver]:
    context = ca.server_context(Path(deployed.outputs.ca_file), Path(deployed.outputs.ca_key_file))
    with receiving(context) as receiver:
        yield receiver


@pytest.fixture
def new_account(deployed: Deployed) -> Iterator[Callable[[], tuple[str, Client]]]:
    """Makes an account that no other test knows; its id, and a client with a key of it."""
    made: list[Client] = []

    def make() -> tuple[str, Client]:
        account_id = new_id("acct")
        made.append(account_client(deployed.outputs, account_id))
        return account_id, made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def account(new_account: Callable[[], tuple[str, Client]]) -> tuple[str, Client]:
    return new_account()
