"""The delivery queue and its function; the dead-letter queue and the function that judges what arrives there."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
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
        self.dead_letters = queue(self, "DeadLetters", visibility_timeout=_visibility())
        self.delivery = queue(
            self,
            "Delivery",
            visibility_timeout=_visibility(),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=settings.attempts),
        )


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
            environment=environment,
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
        queues.delivery.grant(self.judge, "sqs:SendMessage")
        if settings.local:
            _grant_what_only_the_emulator_asks_for(self, queues)


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


def _grant_what_only_the_emulator_asks_for(delivery: Delivery, queues: Queues) -> None:
    """AWS knows no such actions: there, the batch calls need the permission of the single ones."""
    delivery.deliver.add_to_role_policy(
        iam.PolicyStatement(actions=["sqs:ChangeMessageVisibilityBatch"], resources=[queues.delivery.queue_arn])
    )
