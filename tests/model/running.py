"""
The handlers' surroundings, replaced: AWS, the network, the clock and the threads. Of our own code that is what leads there:
the clients of AWS, the current time, and the reading of a body. Whatever decides is real.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from requests.adapters import HTTPAdapter

import fanout.batch
import webhooks.clients
import webhooks.new_rounds
import webhooks.pace
import webhooks.times
from deliver import batch, lanes, release, sender
from tests.integration import resources
from tests.model.clients import DynamoDB, Events, Sqs
from tests.model.simulation import Simulation
from tests.our_modules import forget_made, loaded
from tests.template import default_template

PUBLIC_ADDRESS = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]


class AtOnce:
    """One after the other what is done side by side, so that a run can be repeated; what overlaps is in the plan."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as failed:
            future.set_exception(failed)
        return future

    def __call__(self, _: int) -> AtOnce:
        """As a pool of so many threads."""
        return self

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[..., Any], *iterables: Any) -> list[Any]:
        return list(map(function, *iterables))


@contextmanager
def running(simulation: Simulation) -> Iterator[None]:
    """
    The handlers, with the simulation in the place of AWS, the network, the clock, the threads, and random ids, secrets and
    pauses. All else is real.
    """
    cloud = simulation.cloud
    clients: dict[str, Any] = {"dynamodb": DynamoDB(cloud), "sqs": Sqs(cloud), "events": Events(cloud)}
    ids = (simulation.take_id() for _ in itertools.count())
    numbers = itertools.count(1)
    patches: list[Any] = [
        patch.dict("os.environ", _environment() | {"LOCAL_ALLOW_LOOPBACK": "0"}),
        patch("time.sleep", simulation.nap),
        patch("random.uniform", lambda _, most: most),
        patch("random.shuffle", lambda _: None),
        patch("secrets.token_hex", lambda _: next(ids)),
        patch("secrets.token_bytes", lambda size: next(numbers).to_bytes(size, "big")),
        patch("secrets.token_urlsafe", lambda size: f"{next(numbers):0{size}}"),
        patch("socket.getaddrinfo", lambda *_, **__: PUBLIC_ADDRESS),
        patch("webhooks.telemetry.sys", SimpleNamespace(stdout=SimpleNamespace(write=len))),  # the metrics
        patch.object(batch, "_pool", AtOnce()),
        patch.object(fanout.batch, "_pool", AtOnce()),
        patch.object(release, "_pool", AtOnce()),
        patch.object(webhooks.new_rounds, "ThreadPoolExecutor", AtOnce()),
        # So that events wait when there are three, and not three hundred.
        patch.object(webhooks.pace, "HORIZON", timedelta(seconds=2)),
        patch.object(release, "monotonic", cloud.clock.monotonic),
        patch.object(sender, "monotonic", cloud.clock.monotonic),
        patch.object(lanes, "monotonic", cloud.clock.monotonic),
        patch.object(HTTPAdapter, "send", simulation.endpoints.send),
        patch.object(sender, "read_body", lambda *_, **__: b"ok"),
        *_everywhere("client", webhooks.clients.client, clients.__getitem__),
        *_everywhere("now", webhooks.times.now, cloud.clock.now),
    ]
    for one in patches:
        one.start()
    forget_made()
    try:
        yield
    finally:
        forget_made()
        for one in reversed(patches):
            one.stop()


@cache
def _environment() -> dict[str, str]:
    """The template's, with names in the place of URLs."""
    template = default_template()
    return resources.environment(template, resources.names(template))


def _everywhere(name: str, original: Any, replacement: Any) -> list[Any]:
    """In each module that has imported it."""
    return [patch.object(module, name, replacement) for module in loaded() if vars(module).get(name) is original]
