"""The bus, the rule, and the function that turns an event into queue messages; and three places where no event is lost."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import Database, grant
from infra.delivery import Queues
from infra.function import Function, Layers, acknowledge, queue
from infra.settings import Settings

SOURCE = "aisoule"
"""Of the platform's events. Our own carry `aisoule.webhooks`, so that they never come back as input."""


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
        self.rejected = _last_stop(self, "Rejected", settings)  # the event itself is wrong; kept with its reason
        self.unhandled = _last_stop(self, "Unhandled", settings)  # the function failed three times
        self.undelivered = _last_stop(self, "Undelivered", settings)  # EventBridge could not hand the event over
        self.function = Function(
            self,
            "Function",
            handler="fanout.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=30,
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                "DELIVERY_QUEUE_URL": queues.delivery.queue_url,
                "REJECTED_QUEUE_URL": self.rejected.queue_url,
            },
            retry_attempts=2,
            max_event_age=cdk.Duration.hours(6),
            on_failure=destinations.SqsDestination(self.unhandled),
        )
        grant(database.config, self.function, "Query")
        grant(database.log, self.function, "PutItem")
        queues.grant_sending(self.function)
        self.rejected.grant(self.function, "sqs:SendMessage")
        events.Rule(
            self,
            "Rule",
            event_bus=bus,
            event_pattern=events.EventPattern(source=[SOURCE]),
            targets=[targets.LambdaFunction(self.function, dead_letter_queue=self.undelivered)],
        )


def _last_stop(scope: Construct, id: str, settings: Settings) -> sqs.Queue:
    last = queue(scope, id, settings=settings)
    acknowledge(last, "SQS3", "Nothing consumes it but people: an operator reads it and publishes the events again.")
    return last
