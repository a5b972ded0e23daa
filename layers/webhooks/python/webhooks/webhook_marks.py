"""
What deliveries say about a webhook, marked on its item in the config table: that it is failing, active again or gone, and
its lane. Each mark is made on condition that nothing it depends on has changed since the webhook was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from webhooks.conflicts import transact
from webhooks.expressions import compare_and_set, is_made
from webhooks.item_keys import webhook_key
from webhooks.models import Lane, Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef


class WebhookMarks:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def mark_failing(self, webhook: Webhook, *, together_with: PutTypeDef) -> bool:
        """
        Writes the status of a webhook that became failing, in one transaction with its delivery's.

        False if the webhook is no longer active, or the delivery has changed since it was read: read both again.
        """
        update: Any = self._update(webhook, webhook.status_fields(), unchanged={"status": "active"})
        return transact(self._client, {"Put": together_with}, {"Update": update})

    def mark_gone(self, webhook: Webhook, *, together_with: PutTypeDef) -> bool:
        """
        Writes the status of a webhook that its endpoint has ended, in one transaction with its delivery's.

        False if a person has edited it since it was read, it is disabled or deleted, or the delivery has changed: read both
        again.
        """
        unchanged = {"version": webhook.version, "disabled_at": None}
        update: Any = self._update(webhook, webhook.status_fields(), unchanged=unchanged)
        return transact(self._client, {"Update": update}, {"Put": together_with})

    def mark_active(self, webhook: Webhook) -> None:
        """Ends a webhook's failing, unless it has meanwhile recovered, failed anew, or been disabled or deleted."""
        same = {"status": "failing", "failing_since": webhook.failing_since}
        update = self._update(webhook, webhook.recovered().status_fields(), unchanged=same)
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**update)

    def mark_lane(self, webhook: Webhook, lane: Lane, at: str) -> bool:
        """
        Moves the webhook to the lane, if it is still in the one it was read in. Says whether it did: also if the SDK
        repeated the update, because its answer was lost, and the repeat was refused.
        """
        changes = {"slow_since": at} if lane == "retry" else {"slow_since": None, "prompt_since": at}
        update = self._update(webhook, changes, unchanged={"slow_since": webhook.slow_since})
        try:
            self._client.update_item(**update, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            response: dict[str, Any] = dict(refused.response)
            return is_made(response.get("Item", {}), changes)
        return True

    def _update(self, webhook: Webhook, changes: Mapping[str, Any], *, unchanged: Mapping[str, Any]) -> dict[str, Any]:
        key = {"TableName": self._name, "Key": webhook_key(webhook.account_id, webhook.id)}
        return key | compare_and_set(changes, unchanged=unchanged)
