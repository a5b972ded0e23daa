"""Whether it works, at a glance; and a query to follow one event by."""

from __future__ import annotations

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.database import Database
from infra.delivery import Delivery
from infra.function import Function
from infra.metrics import FAILURES, FIVE_MINUTES, errors, log_throttles, oldest_message, own, waiting
from infra.queues import Queues

_OUR_FAULTS = ("OurFault", "DeadLetterUnhandled", "Requeued", "GivenUp", "DuplicatePost", "VisibilityUnset")


def add_dashboard(
    scope: Construct,
    http_api: apigateway.HttpApi,
    database: Database,
    queues: Queues,
    delivery: Delivery,
    erase: Function,
    budget: list[cloudwatch.SingleValueWidget],
) -> None:
    latency = [own("DeliveryLatency", statistic) for statistic in ("p50", "p95", "p99")]
    ours = [own(name) for name in _OUR_FAULTS]
    lanes = [queues.delivery, queues.retry, queues.dead_letters]
    rows = {
        "Events and deliveries": [
            *(own(name, of="fanout") for name in ("Accepted", "Rejected")),
            *(own(name) for name in ("Delivered", "Exhausted", "Cancelled")),
        ],
        "Failed attempts, by cause": [own(f"Failed{cause}") for cause in FAILURES],
        "From accepted to delivered, ms": latency,
        "Our own faults": ours,
        "Waiting": [waiting(queue) for queue in lanes],
        "In flight": [queue.metric_approximate_number_of_messages_not_visible(period=FIVE_MINUTES) for queue in lanes],
        "Oldest message, s": [oldest_message(queue) for queue in lanes],
        "Attempts, by lane": [own("DeliveryLaneAttempts"), own("RetryLaneAttempts")],
        "Webhooks that changed lanes": [own("SlowLaneEntered"), own("SlowLaneLeft"), own("EndedEarly")],
        "Throttled writes of the log table": log_throttles(database),
        "deliver": [delivery.deliver.metric_invocations(), delivery.deliver.metric_throttles()],
        "Errors": [errors(function) for function in (delivery.deliver, delivery.dead_letters, delivery.release, erase)],
        "API": [http_api.metric_count(), http_api.metric_client_error(), http_api.metric_server_error()],
    }
    graphs = [cloudwatch.GraphWidget(title=title, left=metrics, width=12) for title, metrics in rows.items()]
    cloudwatch.Dashboard(scope, "Dashboard").add_widgets(*budget, *graphs)


def save_query(scope: Construct, functions: list[Function]) -> None:
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
