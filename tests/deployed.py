"""The real template on the emulator, deployed once a session, and real receivers over TLS."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import ca, stack
from local.client import Client, account_client
from local.receiver import Receiver, receiving
from local.stack import DIRECTORY, Outputs
from webhooks.models import new_id


@dataclass(frozen=True)
class Deployed:
    outputs: Outputs
    resources: dict[str, str]
    platform: Client


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    """With a schedule of seconds."""
    with deploying((1, 2, 3)) as made:
        yield made


@contextmanager
def deploying(retry_delays: Sequence[int]) -> Iterator[Deployed]:
    """A stack of its own on a free port, beside whatever else is running."""
    DIRECTORY.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="test-", dir=DIRECTORY))
    try:
        outputs = stack.up(directory, retry_delays=retry_delays, say=print)
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
