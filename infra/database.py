"""The two tables: configuration, which must never be lost, and the log, which expires."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.function import acknowledge
from infra.settings import Settings

FAILED, DUE = "failed", "due"

ACCOUNTS = "ACCOUNT#*"
"""The partitions of the config table that hold webhooks, and lists of keys without their secrets. A key is looked up in a
partition of its own, `KEY#<id>`.
"""

PACES = "PACE#*"
"""The partitions of the log table that hold the webhooks' paces, and what waits because of one."""

KEYS = "KEY#*"
INBOXES = "INBOX#*"
COUNTERS = ("LIMIT#*", "REQUEST#*")
NOTIFICATIONS = "NOTIFY#*"
"""
Further ones of the config table: keys, test addresses (in both tables), what was counted of an account's calls, and where it
gets mails.
"""

EVENTS, ERASURES = "EVENT#*", "ERASURE#*"
LOGGED = ("WEBHOOK#*", PACES, INBOXES)
"""Further ones of the log table: LOGGED is what it has of webhooks."""


class Database(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self.config = _table(self, "Config", settings, recovery=True)
        self.log = _table(self, "Log", settings, recovery=settings.log_recovery)
        if not settings.log_recovery:
            acknowledge(
                self.log,
                "DDB3",
                "Paid by the gigabyte, for what expires after log_days anyhow; losing it loses no delivery that is due. "
                "-c log_recovery=on turns it on.",
            )
        # Sparse: only what failed or is being retried has the key, so recovery never reads what succeeded.
        self.log.add_global_secondary_index(
            index_name=FAILED,
            partition_key=dynamodb.Attribute(name="failed_webhook", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["account_id", "event_id", "event", "accepted_at", "round", "test"],
        )
        # Sparse, too, and for three kinds of items, as an update of a table can make one index only: in a partition for each
        # webhook, what waits for the first attempt of a round, in the order in which the rounds began; in one called `due`,
        # the webhooks for which something waits because of their pace, or to be caught up on; in one called `erase`, the
        # accounts that are being erased.
        self.log.add_global_secondary_index(
            index_name=DUE,
            partition_key=dynamodb.Attribute(name="due", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="due_at", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )


def grant(
    table: dynamodb.Table,
    grantee: iam.IGrantable,
    *calls: str,
    indexes: Sequence[str] = (),
    partitions: str | Sequence[str] = (),
    index_only: bool = False,
) -> None:
    """Grants the calls on the table and the named indexes. `Table.grant` would add every index, by a wildcard.

    With `partitions`, only items whose partition key matches one of them. That holds for calls that name the keys of their
    items, all but Scan and PartiQL: the condition is true of a request without any. With `index_only`, not on the table.
    """
    arns = [*([] if index_only else [table.table_arn]), *(f"{table.table_arn}/index/{index}" for index in indexes)]
    allowed = [partitions] if isinstance(partitions, str) else list(partitions)
    iam.Grant.add_to_principal(
        grantee=grantee,
        actions=[f"dynamodb:{call}" for call in calls],
        resource_arns=arns,
        # AWS demands ForAllValues here: BatchGetItem names many keys.
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": allowed}} if allowed else None,
    )


def _table(scope: Construct, id: str, settings: Settings, *, recovery: bool) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        id,
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires_at",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=recovery
        ),
        deletion_protection=not settings.local,
        removal_policy=cdk.RemovalPolicy.DESTROY if settings.local else cdk.RemovalPolicy.RETAIN,
    )
