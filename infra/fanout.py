"""The rule on the bus, the function that turns an event into queue messages, and three queues for events that failed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import ACCOUNTS, PACES, Database, grant
from infra.function import WAITS_MB, Function, Layers, acknowledge, queue
from infra.queues import Queues
from infra.settings import Settings

FANOUT_SECONDS = 300
"""The largest batch, for 100 webhooks each, takes two minutes: docs/publishing.md."""

SOURCE = "aisoule"
"""The source of the platform's events. Our own, operational ones have `aisoule.webhooks` and never match the rule."""


class Fanout(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        layers: Layers,
        queues: Queues,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        # The event violates the contract; kept with the reason.
        self.rejected = _for_operators(self, "Rejected", settings)
        # The function failed three times, or could not run for six hours.
        self.unhandled = _for_operators(self, "Unhandled", settings)
        # EventBridge could not hand the event to Lambda.
        self.undelivered = _for_operators(self, "Undelivered", settings)
        self.function = Function(
            self,
            "Function",
            handler="fanout.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=FANOUT_SECONDS,
            memory_mb=WAITS_MB,
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                **queues.environment(),
                "REJECTED_QUEUE_URL": self.rejected.queue_url,
            },
            retry_attempts=2,
            max_event_age=cdk.Duration.hours(6),
            on_failure=destinations.SqsDestination(self.unhandled),
        )
        grant(database.config, self.function, "Query", partitions=ACCOUNTS)
        grant(database.log, self.function, "PutItem")
        grant(database.log, self.function, "UpdateItem", partitions=PACES)
        queues.grant_sending(self.function, queues.delivery, queues.retry)
        self.rejected.grant(self.function, "sqs:SendMessage")
        events.Rule(
            self,
            "Rule",
            event_bus=bus,
            event_pattern=events.EventPattern(source=[SOURCE]),
            targets=[targets.LambdaFunction(self.function, dead_letter_queue=self.undelivered)],
        )


def _for_operators(scope: Construct, id: str, settings: Settings) -> sqs.Queue:
    made = queue(scope, id, settings=settings)
    acknowledge(made, "SQS3", "No function consumes it: an operator reads it, and publishes or replays the events.")
    return made
