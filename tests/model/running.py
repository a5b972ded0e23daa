"""The handlers' surroundings, replaced: AWS, the network, the clock and the threads, and nothing of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from api import repeating
from deliver import attempting, dead_letters, handler, sender
from fanout import handler as fanout
from tests.model.clients import DynamoDB, Events, Sqs
from tests.model.world import DELAYS, World


class AtOnce:
    """Attempts one after the other, so that a run can be repeated; what overlaps is in the plan."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


@contextmanager
def running(world: World) -> Iterator[None]:
    """The handlers, with the world in the place of AWS, the network, the clock and the threads; all else is real."""
    cloud = world.cloud
    clients: dict[str, Any] = {"dynamodb": DynamoDB(cloud), "sqs": Sqs(cloud), "events": Events(cloud)}
    environment = {
        "CONFIG_TABLE": "config", "LOG_TABLE": "log", "EVENT_BUS_NAME": "bus", "DELIVERY_QUEUE_URL": "delivery",
        "REJECTED_QUEUE_URL": "rejected", "RETRY_DELAYS": ",".join(map(str, DELAYS)), "LOG_DAYS": "30",
        "LOCAL_ALLOW_LOOPBACK": "0",
    }  # fmt: skip
    patches: list[Any] = [
        patch.dict("os.environ", environment),
        patch("time.sleep", world.nap),
        patch("aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch.print", lambda _: None, create=True),
        patch.object(handler, "_pool", AtOnce()),
        patch.object(sender, "monotonic", cloud.clock.monotonic),
        patch.object(sender.EndpointAdapter, "send", world.endpoints.send),
        patch.object(sender, "read_body", lambda *_, **__: b"ok"),
    ]
    patches += [
        patch.object(module, "client", clients.__getitem__) for module in (handler, dead_letters, fanout, repeating)
    ]
    patches += [
        patch.object(module, "now", cloud.clock.now)
        for module in (attempting, dead_letters, handler, sender, fanout, repeating)
    ]
    caches: list[Any] = [handler.desk, fanout._log, fanout._config]
    for one in patches:
        one.start()
    for cached in caches:
        cached.cache_clear()
    try:
        yield
    finally:
        for cached in caches:
            cached.cache_clear()
        for one in reversed(patches):
            one.stop()
