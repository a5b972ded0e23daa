"""The delivery queue and its function; the dead-letter queue and the function that judges what arrives there."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import Database, grant
from infra.function import Function, Layers, queue
from infra.settings import ATTEMPT_SECONDS, Settings

FUNCTION_SECONDS = 30
"""The longest attempt, and two tries of each AWS call around it."""


class Queues(Construct):
    """The two, apart from the functions, because fanout and the API send to the first."""

    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self.dead_letters = queue(self, "DeadLetters", settings=settings, visibility_timeout=_visibility())
        self.delivery = queue(
            self,
            "Delivery",
            settings=settings,
            visibility_timeout=_visibility(),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=settings.attempts),
        )
        self._local = settings.local

    def grant_sending(self, function: Function) -> None:
        self.delivery.grant(function, "sqs:SendMessage")
        self.grant_to_emulator(function, "sqs:SendMessageBatch")

    def grant_to_emulator(self, function: Function, action: str) -> None:
        """An action that AWS does not know: there, a batch needs the permission of the single call."""
        if self._local:
            self.delivery.grant(function, action)


class Delivery(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        queues: Queues,
        layers: Layers,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        assert FUNCTION_SECONDS >= 3 * ATTEMPT_SECONDS
        environment = {
            "CONFIG_TABLE": database.config.table_name,
            "LOG_TABLE": database.log.table_name,
            "DELIVERY_QUEUE_URL": queues.delivery.queue_url,
            "EVENT_BUS_NAME": bus.event_bus_name,
            "RETRY_DELAYS": ",".join(map(str, settings.retry_delays)),
        }
        self.deliver = Function(
            self,
            "Deliver",
            handler="deliver.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=FUNCTION_SECONDS,
            environment=environment | ({"CONTACT": settings.contact} if settings.contact else {}),
            reaches_endpoints=True,
        )
        self.judge = Function(
            self,
            "Judge",
            handler="deliver.dead_letters",
            layers=layers,
            settings=settings,
            timeout_seconds=FUNCTION_SECONDS,
            environment=environment,
        )
        self.deliver.add_event_source(_batches(queues.delivery, settings))
        self.judge.add_event_source(_batches(queues.dead_letters, settings))
        for function in (self.deliver, self.judge):
            grant(database.config, function, "BatchGetItem", "UpdateItem")
            bus.grant_put_events_to(function)
        grant(database.log, self.deliver, "BatchGetItem", "GetItem", "PutItem")
        grant(database.log, self.judge, "BatchGetItem", "PutItem")
        queues.grant_sending(self.judge)
        queues.grant_to_emulator(self.deliver, "sqs:ChangeMessageVisibilityBatch")


def _visibility() -> cdk.Duration:
    """Six times the function's timeout, as AWS advises for event source mappings."""
    return cdk.Duration.seconds(6 * FUNCTION_SECONDS)


def _batches(queue: sqs.Queue, settings: Settings) -> sources.SqsEventSource:
    return sources.SqsEventSource(
        queue,
        batch_size=10,
        report_batch_item_failures=True,
        # Without it, throttled batches would use up receives without an attempt.
        max_concurrency=settings.max_concurrency,
    )
