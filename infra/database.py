"""The two tables: configuration, which must never be lost, and the log, which expires."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import Settings

FAILED = "failed"


class Database(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self.config = _table(self, "Config", settings)
        self.log = _table(self, "Log", settings)
        # Sparse: only failed deliveries have the key, so recovery never reads the ones that succeeded.
        self.log.add_global_secondary_index(
            index_name=FAILED,
            partition_key=dynamodb.Attribute(name="failed_webhook", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["account_id", "event_id", "event", "accepted_at", "round", "test"],
        )


def grant(table: dynamodb.Table, grantee: iam.IGrantable, *calls: str, index: str | None = None) -> None:
    """The calls on the table and, if named, on one index. `Table.grant` would add every index, by a wildcard."""
    arns = [table.table_arn, *([f"{table.table_arn}/index/{index}"] if index else [])]
    iam.Grant.add_to_principal(grantee=grantee, actions=[f"dynamodb:{call}" for call in calls], resource_arns=arns)


def _table(scope: Construct, id: str, settings: Settings) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        id,
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires_at",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=not settings.local,
        removal_policy=cdk.RemovalPolicy.DESTROY if settings.local else cdk.RemovalPolicy.RETAIN,
    )
