"""The function that sends a mail when a webhook begins to fail, and a queue for what it could not send."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from infra.database import NOTIFICATIONS, Database, grant
from infra.function import WAITS_MB, Function, Layers, acknowledge, queue
from infra.settings import Settings


class Mail(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        public_url: str,
        layers: Layers,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self.unsent = queue(self, "Unsent", settings=settings)
        acknowledge(self.unsent, "SQS3", "No function consumes it: an operator reads why the mails were not sent.")
        self.function = Function(
            self,
            "Function",
            handler="mail.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=30,  # SES is given ten
            memory_mb=WAITS_MB,
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "PUBLIC_URL": public_url,
                **settings.mail_environment(),
            },
            retry_attempts=2,
            max_event_age=cdk.Duration.hours(1),  # it is no news any more: `mail.handler`
            on_failure=destinations.SqsDestination(self.unsent),
        )
        grant(
            database.config, self.function, "GetItem", "PutItem", "UpdateItem", "DeleteItem", partitions=NOTIFICATIONS
        )
        self._grant_sending(settings)
        events.Rule(
            self,
            "Rule",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["aisoule.webhooks"], detail_type=["webhook.failing"]),
            targets=[targets.LambdaFunction(self.function, dead_letter_queue=self.unsent)],
        )

    def _grant_sending(self, settings: Settings) -> None:
        """
        From that address alone. SES asks for the permission on the identity that is verified: the address, or its domain.
        """
        assert settings.mail_from
        stack = cdk.Stack.of(self)
        verified = (settings.mail_from, settings.mail_from.partition("@")[2])
        identities = [stack.format_arn(service="ses", resource="identity", resource_name=name) for name in verified]
        sender = {"StringEquals": {"ses:FromAddress": settings.mail_from}}
        iam.Grant.add_to_principal(
            grantee=self.function,
            actions=["ses:SendEmail"],
            resource_arns=["*"] if settings.local else identities,
            conditions=None if settings.local else sender,
        )
        if settings.local:
            assert self.function.role
            acknowledge(self.function.role, "IAM5[Resource::*]", "The emulator asks on no identity, and for no sender.")
