"""Whether it works, at a glance; and alarms, each of which means that somebody has something to do."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.database import Database
from infra.delivery import FUNCTION_SECONDS, Delivery, Queues
from infra.fanout import Fanout
from infra.function import Function
from infra.mail import Mail
from infra.service_level import BURN_RATE, budget_left, burn_rate
from infra.settings import ATTEMPT_SECONDS, MAX_RETRY_AFTER_SECONDS, NAMESPACE, Settings

_BACKLOG_SECONDS = 600
_FIVE_MINUTES = cdk.Duration.minutes(5)
FAILURES = ("Status", "Timeout", "TLS", "DNS", "Connection", "Address", "Protocol")
"""As `deliver.failures.METRICS` counts them."""


class Observability(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        database: Database,
        delivery: Delivery,
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
        stranded = cdk.Duration.minutes(15).to_seconds() + FUNCTION_SECONDS
        self._alarm("OldestMessage", _age(queues.delivery), _BACKLOG_SECONDS)
        self._alarm("OldestRetry", _age(queues.retry), overdue)
        self._alarm("DeadLettersNotConsumed", _age(queues.dead_letters), stranded)
        self._alarm("EventsRejected", _waiting(fanout.rejected), 1)
        self._alarm("EventsUnhandled", _waiting(fanout.unhandled), 1)
        self._alarm("EventsUndelivered", _waiting(fanout.undelivered), 1)
        self._alarm("OurFault", own("OurFault"), 5)
        self._alarm("GivenUp", own("GivenUp"), 1)
        self._alarm("ApiErrors", http_api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES), 5)
        self._alarm("DeliverThrottled", delivery.deliver.metric_throttles(period=_FIVE_MINUTES), 10)
        self._alarm("LogTableThrottled", _throttled(database), 1)
        first_attempts = (own("FirstAttempts"), own("LateFirstAttempts"))
        if settings.service_level:
            self._alarm("ServiceLevel", burn_rate(*first_attempts), BURN_RATE)
        if mail:
            self._alarm("MailUnsent", _waiting(mail.unsent), 1)
        if settings.canary:
            # In ten minutes there are one or two runs, so that a missing one, too, means that something is wrong.
            missed = own("CanaryMissed", of="canary").with_(period=cdk.Duration.minutes(10))
            self._alarm("CanaryMissed", missed, 1, missing=cloudwatch.TreatMissingData.BREACHING)
        if settings.dashboard:
            budget = [budget_left(*first_attempts)] if settings.service_level else []
            self._dashboard(http_api, queues, delivery, budget)
        if not settings.local:  # the emulator does not know the type
            _save_query(self, functions)

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
    ) -> None:
        """Each alarm has a section in docs/operations.md. Missing data is usual: idle functions write no metrics."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing,
            alarm_description=f"docs/operations.md#{name.lower()}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

    def _dashboard(
        self,
        http_api: apigateway.HttpApi,
        queues: Queues,
        delivery: Delivery,
        budget: list[cloudwatch.SingleValueWidget],
    ) -> None:
        latency = [own("DeliveryLatency", statistic) for statistic in ("p50", "p95", "p99")]
        ours = [own(name) for name in ("OurFault", "Requeued", "GivenUp", "DuplicatePost", "VisibilityUnset")]
        lanes = [queues.delivery, queues.retry, queues.dead_letters]
        rows = {
            "Events and deliveries": [
                *(own(name, of="fanout") for name in ("Accepted", "Rejected")),
                *(own(name) for name in ("Delivered", "Exhausted", "Cancelled")),
            ],
            "Failed attempts, by cause": [own(f"Failed{cause}") for cause in FAILURES],
            "From accepted to delivered, ms": latency,
            "Our own faults": ours,
            "Waiting": [_waiting(queue) for queue in lanes],
            "In flight": [
                queue.metric_approximate_number_of_messages_not_visible(period=_FIVE_MINUTES) for queue in lanes
            ],
            "Oldest message, s": [_age(queue) for queue in lanes],
            "Attempts, by lane": [own("DeliveryLaneAttempts"), own("RetryLaneAttempts")],
            "Webhooks that changed lanes": [own("SlowLaneEntered"), own("SlowLaneLeft"), own("EndedEarly")],
            "deliver": [delivery.deliver.metric_invocations(), delivery.deliver.metric_throttles()],
            "API": [http_api.metric_count(), http_api.metric_client_error(), http_api.metric_server_error()],
        }
        graphs = [cloudwatch.GraphWidget(title=title, left=metrics, width=12) for title, metrics in rows.items()]
        cloudwatch.Dashboard(self, "Dashboard").add_widgets(*budget, *graphs)


def own(name: str, statistic: str = "Sum", *, of: str = "deliver") -> cloudwatch.Metric:
    """A metric that a function writes into its log. Its service is the only dimension, as every combination is billed."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": of},
        statistic=statistic,
        period=_FIVE_MINUTES,
    )


def _save_query(scope: Construct, functions: list[Function]) -> None:
    """Saves a Logs Insights query that follows one event through all functions. Saving it costs nothing."""
    logs.QueryDefinition(
        scope,
        "FollowAnEvent",
        query_definition_name="AIsoule Webhooks/Follow an event",  # a folder and a name; a colon is refused
        query_string=logs.QueryString(
            fields=[
                "@timestamp",
                "message",
                "webhook_id",
                "lane",
                "round",
                "number",
                "status_code",
                "error_code",
                "ms",
            ],
            filter_statements=['@message like /"evt_…"/'],  # a call's line may name up to 100 events
            sort="@timestamp asc",
        ),
        log_groups=[function.log_group for function in functions],
    )


def _age(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=_FIVE_MINUTES)


def _waiting(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=_FIVE_MINUTES)


def _throttled(database: Database) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name="WriteThrottleEvents",
        dimensions_map={"TableName": database.log.table_name},
        statistic="Sum",
        period=_FIVE_MINUTES,
    )
