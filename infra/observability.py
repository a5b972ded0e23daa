"""Alarms, each of which means that somebody has something to do; and the dashboard, if it is wanted."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.dashboard import add_dashboard, save_query
from infra.database import Database
from infra.delivery import Delivery
from infra.fanout import Fanout
from infra.function import Function
from infra.mail import Mail
from infra.metrics import FIVE_MINUTES, errors, event_age, oldest_message, own, waiting
from infra.queues import Queues
from infra.service_level import BURN_RATE, FIRST_ATTEMPT_SECONDS, budget_left, burn_rate
from infra.settings import ATTEMPT_SECONDS, MAX_RETRY_AFTER_SECONDS, Settings

_BACKLOG_SECONDS = 600


class Observability(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        database: Database,
        delivery: Delivery,
        erase: Function,
        fanout: Fanout,
        http_api: apigateway.HttpApi,
        mail: Mail | None,
        queues: Queues,
        functions: list[Function],
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self.topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        self._let_alarms_publish()
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        # A message gets as old as its whole retry schedule, after one wait that an endpoint asked for: the next such wait is
        # another message's. A backlog of ten minutes is tolerated.
        schedule = sum(settings.retry_delays) + settings.attempts * ATTEMPT_SECONDS
        overdue = MAX_RETRY_AFTER_SECONDS + schedule + _BACKLOG_SECONDS
        self._alarm("OldestMessage", oldest_message(queues.delivery), _BACKLOG_SECONDS)
        self._alarm("OldestRetry", oldest_message(queues.retry), overdue)
        # Not the message's age: SQS leaves out what was received three times. It comes back every three minutes, so each
        # period counts it, and what a short fault leaves is handled before the third.
        self._alarm("DeadLettersNotConsumed", own("DeadLetterUnhandled"), 1, periods=3)
        self._alarm("EventsRejected", waiting(fanout.rejected), 1)
        self._alarm("EventsUnhandled", waiting(fanout.unhandled), 1)
        self._alarm("EventsUndelivered", waiting(fanout.undelivered), 1)
        self._alarm("OurFault", own("OurFault"), 5)
        self._alarm("GivenUp", own("GivenUp"), 1)
        self._alarm("ApiErrors", http_api.metric_server_error(statistic="Sum", period=FIVE_MINUTES), 5)
        self._alarm("DeliverThrottled", delivery.deliver.metric_throttles(period=FIVE_MINUTES), 10)
        # Twice, because what ends an invocation once and not at the next try needs nobody.
        self._alarm("DeliverErrors", errors(delivery.deliver), 2)
        self._alarm("DeadLettersErrors", errors(delivery.dead_letters), 2)
        first_attempts = (own("FirstAttempts"), own("LateFirstAttempts"))
        if settings.service_level:
            self._alarm("ServiceLevel", burn_rate(*first_attempts), BURN_RATE)
            self._alarm("EventsLate", event_age(fanout.function), FIRST_ATTEMPT_SECONDS * 1000)
        if mail:
            self._alarm("MailUnsent", waiting(mail.unsent), 1)
        if settings.canary:
            # In ten minutes there are one or two runs. If all are missing, the alarm comes when CloudWatch has no older
            # value left to look at: docs/operations.md.
            missed = own("CanaryMissed", of="canary").with_(period=cdk.Duration.minutes(10))
            self._alarm("CanaryMissed", missed, 1, missing=cloudwatch.TreatMissingData.BREACHING)
        if settings.dashboard:
            budget = [budget_left(*first_attempts)] if settings.service_level else []
            add_dashboard(self, http_api, database, queues, delivery, erase, budget)
        if not settings.local:  # the emulator does not know the type
            save_query(self, functions)

    def _let_alarms_publish(self) -> None:
        """Lets this account's alarms publish. `enforce_ssl` adds a policy, which replaces SNS's default one that did."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
        periods: int = 1,
    ) -> None:
        """Each alarm has a section in docs/operations.md. Missing data is usual: idle functions write no metrics."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing,
            alarm_description=f"docs/operations.md#{name.lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
