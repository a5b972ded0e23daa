"""A webhook's own status in the config table: `failing` after a delivery's last attempt, `active` at the first 200."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhooks.items import webhook_key
from webhooks.models import Delivery, Webhook, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, UpdateTypeDef


def failed_by(webhook: Webhook, delivery: Delivery, at: str) -> Webhook:
    """The webhook, failing `at` because of the delivery's last attempt."""
    return replace(
        webhook,
        status="failing",
        failing_since=at,
        failing_reason=delivery.attempts[-1].error,
        failing_event_id=delivery.event_id,
    )


def mark_failing(client: DynamoDBClient, config_table: str, webhook: Webhook, put_delivery: PutTypeDef) -> bool:
    """In one transaction with the delivery's write. False when either has moved: read again, judge again."""
    values = {":since": webhook.failing_since, ":reason": webhook.failing_reason, ":event": webhook.failing_event_id}
    update: UpdateTypeDef = {
        "TableName": config_table,
        "Key": webhook_key(webhook.account_id, webhook.id),
        "UpdateExpression": "SET #status = :failing, failing_since = :since, failing_reason = :reason, "
        "failing_event_id = :event",
        "ConditionExpression": "#status = :active",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":failing": {"S": "failing"}, ":active": {"S": "active"}}
        | {name: {"S": str(value)} for name, value in values.items()},
    }
    try:
        client.transact_write_items(TransactItems=[{"Put": put_delivery}, {"Update": update}])
    except client.exceptions.TransactionCanceledException as cancelled:
        reasons = {reason.get("Code") for reason in cancelled.response["CancellationReasons"]}
        if reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
            return False
        raise
    return True


def has_recovered(webhook: Webhook, delivery: Delivery | None) -> bool:
    """Whether the delivery's log has a 200 that is newer than the webhook's failing."""
    if not delivery or webhook.status != "failing":
        return False
    since = parse_time(str(webhook.failing_since))
    return any(attempt.error is None and attempt.ended() >= since for attempt in delivery.attempts)


def mark_recovered(client: DynamoDBClient, config_table: str, webhook: Webhook) -> None:
    """Active again, unless it has meanwhile recovered, failed anew, or been disabled or deleted."""
    try:
        client.update_item(
            TableName=config_table,
            Key=webhook_key(webhook.account_id, webhook.id),
            UpdateExpression="SET #status = :active REMOVE failing_since, failing_reason, failing_event_id",
            ConditionExpression="#status = :failing AND failing_since = :since",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":active": {"S": "active"},
                ":failing": {"S": "failing"},
                ":since": {"S": str(webhook.failing_since)},
            },
        )
    except client.exceptions.ConditionalCheckFailedException:
        return
