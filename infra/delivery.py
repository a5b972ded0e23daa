"""The functions that consume the queues: deliver, dead letters, and the release of what waits."""

from __future__ import annotations

from functools import partial
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import service_level
from infra.database import ACCOUNTS, DUE, EVENTS, FAILED, PACES, Database, grant
from infra.function import WAITS_MB, Function, Layers
from infra.queues import FUNCTION_SECONDS, Queues
from infra.schedule import ONCE, run_every
from infra.settings import ATTEMPT_SECONDS, Settings

RELEASE_SECONDS = 50
"""The timeout of the release function, which begins each minute: `deliver.release` stops beginning ten seconds before."""

_REQUEUE_LOOP = lambda_.RecursiveLoop.ALLOW
"""A failed first attempt goes from the delivery queue to the retry queue, and while the fault is ours, a message goes from
the dead-letter queue back to the retry queue, again and again for up to a day (`deliver.dead_letters`). By default, Lambda
drops such a message at about the 16th call of a function, and nothing is logged.
"""

_RETRY_BATCH = 40
"""Retries wait for slow endpoints, side by side: a larger batch costs less. bench/results.md has what was simulated with
20, 40 and 60, and `webhooks.delivery_states` reads two items a message in one call, of 100 at most.
"""


class Delivery(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        public_url: str,
        queues: Queues,
        layers: Layers,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        assert FUNCTION_SECONDS >= 3 * ATTEMPT_SECONDS
        environment = {
            "CONFIG_TABLE": database.config.table_name,
            "LOG_TABLE": database.log.table_name,
            **queues.environment(),
            "EVENT_BUS_NAME": bus.event_bus_name,
            "PUBLIC_URL": public_url,
            "RETRY_DELAYS": ",".join(map(str, settings.retry_delays)),
        }
        function = partial(
            Function,
            self,
            layers=layers,
            settings=settings,
            timeout_seconds=FUNCTION_SECONDS,
            memory_mb=WAITS_MB,
            recursive_loop=_REQUEUE_LOOP,
        )
        self.deliver = function(
            "Deliver",
            handler="deliver.handler",
            environment=environment | settings.contact_environment() | service_level.environment(settings),
            reaches_endpoints=True,
        )
        self.dead_letters = function("DeadLetters", handler="deliver.dead_letters", environment=environment)
        self.release = self._released(database, queues, layers, settings)
        self._consume(queues, settings)
        self._grant(bus, database, queues)

    def _released(self, database: Database, queues: Queues, layers: Layers, settings: Settings) -> Function:
        """A run ends before the next one is due; `infra.schedule` says when two overlap all the same."""
        release = Function(
            self,
            "Release",
            handler="deliver.release",
            layers=layers,
            settings=settings,
            timeout_seconds=RELEASE_SECONDS,
            memory_mb=WAITS_MB,
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                **queues.environment(),
            },
            **ONCE,
        )
        grant(database.config, release, "GetItem", partitions=ACCOUNTS)
        grant(database.log, release, "BatchGetItem", "PutItem", "Query", indexes=[DUE, FAILED])
        grant(database.log, release, "GetItem", "UpdateItem", "BatchWriteItem", partitions=PACES)
        queues.grant_sending(release, queues.delivery, queues.retry)
        run_every(1, release, self, "EachMinute")
        return release

    def _consume(self, queues: Queues, settings: Settings) -> None:
        self.deliver.add_event_source(_batches(queues.delivery, settings.max_concurrency))
        window = cdk.Duration.seconds(1)
        self.deliver.add_event_source(
            _batches(queues.retry, settings.retry_concurrency, batch_size=_RETRY_BATCH, max_batching_window=window)
        )
        # Without a bound, Lambda polls an empty queue with as few as two pollers instead of five. None is needed: dead
        # letters arrive no faster than retries are made, and their queue has no limit of receives that throttles use up.
        self.dead_letters.add_event_source(_batches(queues.dead_letters, None))

    def _grant(self, bus: events.EventBus, database: Database, queues: Queues) -> None:
        for function in (self.deliver, self.dead_letters):
            grant(database.config, function, "BatchGetItem", "Query", "UpdateItem", partitions=ACCOUNTS)
            bus.grant_put_events_to(function)
            grant(database.log, function, "BatchGetItem", "PutItem")
            grant(database.log, function, "Query", indexes=[FAILED], index_only=True)
            grant(database.log, function, "UpdateItem", partitions=PACES)
            grant(database.log, function, "DeleteItem", partitions=EVENTS)  # of accounts that were erased
        queues.grant_sending(self.deliver, queues.retry, queues.dead_letters)
        queues.grant_sending(self.dead_letters, queues.retry)
        for lane in (queues.delivery, queues.retry):
            queues.grant_to_emulator(self.deliver, lane, "sqs:ChangeMessageVisibilityBatch")


def _batches(
    queue: sqs.Queue, max_concurrency: int | None, *, batch_size: int = 10, **kwargs: Any
) -> sources.SqsEventSource:
    return sources.SqsEventSource(
        queue,
        batch_size=batch_size,
        report_batch_item_failures=True,
        # Without it, throttled batches would use up receives without an attempt.
        max_concurrency=max_concurrency,
        **kwargs,
    )
