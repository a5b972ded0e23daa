"""The config table: a webhook, as people create, edit and delete it; and how many an account has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import to_item
from webhooks.conflicts import retry_on_conflict
from webhooks.errors import Conflict, LimitReached, NotFound, WebhooksError
from webhooks.expressions import compare_and_set, if_unchanged, is_made
from webhooks.item_keys import deleted_webhook_key, inbox_key, webhook_count_key, webhook_key
from webhooks.items import inbox_item, webhook_item, webhook_of
from webhooks.models import Webhook
from webhooks.times import now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DELETED_KEPT = timedelta(days=400)
"""How long the id of a deleted webhook is kept: longer than any of its deliveries (`infra.settings`: `log_days`)."""


class ConfigTable:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def webhook(self, account_id: str, webhook_id: str) -> Webhook:
        """Raises NotFound, for another account's webhook too."""
        webhook = self.webhook_or_none(account_id, webhook_id)
        if webhook is None:
            raise NotFound("there is no such webhook")
        return webhook

    def webhook_or_none(self, account_id: str, webhook_id: str) -> Webhook | None:
        answer = self._client.get_item(
            TableName=self._name, Key=webhook_key(account_id, webhook_id), ConsistentRead=True
        )
        return webhook_of(answer["Item"]) if "Item" in answer else None

    def create_webhook(self, webhook: Webhook, *, limit: int) -> None:
        """
        Counts in the same transaction, so that no race passes the limit; its test address is made there, too. Raises
        LimitReached.
        """
        count: Any = self._count(webhook.account_id, 1) | {
            "ConditionExpression": "attribute_not_exists(webhooks) OR webhooks < :limit"
        }
        count["ExpressionAttributeValues"][":limit"] = {"N": str(limit)}
        put: Any = {
            "TableName": self._name,
            "Item": webhook_item(webhook),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        address: list[Any] = []
        if webhook.inbox:
            address = [{"Put": {"TableName": self._name, "Item": inbox_item(webhook, webhook.inbox)}}]
        try:
            retry_on_conflict(
                lambda: self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": count}, *address])
            )
        except self._client.exceptions.TransactionCanceledException as cancelled:
            if cancelled.response["CancellationReasons"][1]["Code"] == "ConditionalCheckFailed":
                raise LimitReached(f"the account has {limit} webhooks, which is its limit; delete one first") from None
            raise

    def rotate_secret(
        self, webhook: Webhook, secret: str, *, previous_expires_at: str | None, at: str, version: int | None = None
    ) -> Webhook:
        """
        The new secret signs from the next attempt on; the one it replaces signs, too, until `previous_expires_at`, if given.

        Raises Conflict if another rotation came first, so that no secret that was handed out is forgotten unnoticed; and if
        a `version` is given and an edit has made it another.
        """
        previous = webhook.secret if previous_expires_at else None
        changes = {"secret": secret, "previous_secret": previous, "previous_expires_at": previous_expires_at}
        unchanged = {"secret": webhook.secret} | ({"version": version} if version else {})
        return self.edit_webhook(webhook.account_id, webhook.id, {**changes, "updated_at": at}, unchanged=unchanged)

    def edit_webhook(
        self,
        account_id: str,
        webhook_id: str,
        changes: Mapping[str, Any],
        *,
        unchanged: Mapping[str, Any] | None = None,
    ) -> Webhook:
        """
        Sets the named attributes, and removes those given as None; nothing else is touched.

        Raises NotFound, and Conflict if what should be `unchanged` has another value by now: not if the SDK repeated the
        edit, because its answer was lost, and the repeat was refused.
        """
        update: Any = {
            "TableName": self._name,
            "Key": webhook_key(account_id, webhook_id),
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **compare_and_set(changes, unchanged=unchanged or {}, increased="version"),
        }
        try:
            answer = retry_on_conflict(lambda: self._client.update_item(**update))
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            response: dict[str, Any] = dict(refused.response)
            version = {"version": unchanged["version"] + 1} if unchanged and "version" in unchanged else {}
            if is_made(response.get("Item", {}), {**changes, **version}):
                return webhook_of(response["Item"])
            raise _changed_or_gone(response) from None
        return webhook_of(answer["Attributes"])

    def delete_webhook(
        self, account_id: str, webhook_id: str, *, version: int | None = None, inbox: str | None = None
    ) -> None:
        """
        Deletes the webhook and, if it has an `inbox`, its test address. Leaves its id behind, for the erasure of its account
        (`webhooks.erasures`).

        Raises NotFound, and Conflict if a `version` is given and an edit has made it another.
        """
        delete: Any = {
            "TableName": self._name,
            "Key": webhook_key(account_id, webhook_id),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **if_unchanged({"version": version} if version else {}),
        }
        count: Any = self._count(account_id, -1)
        address: Any = [{"Delete": {"TableName": self._name, "Key": inbox_key(inbox)}}] if inbox else []
        left = to_item({"expires_at": int((now() + DELETED_KEPT).timestamp())})
        put: Any = {"TableName": self._name, "Item": deleted_webhook_key(account_id, webhook_id) | left}
        writes = [{"Delete": delete}, {"Update": count}, {"Put": put}, *address]
        try:
            retry_on_conflict(lambda: self._client.transact_write_items(TransactItems=writes))
        except self._client.exceptions.TransactionCanceledException as cancelled:
            reason = cancelled.response["CancellationReasons"][0]
            if reason["Code"] != "ConditionalCheckFailed":
                raise
            raise _changed_or_gone(reason) from None

    def _count(self, account_id: str, step: int) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "Key": webhook_count_key(account_id),
            "UpdateExpression": "ADD webhooks :step",
            "ExpressionAttributeValues": {":step": {"N": str(step)}},
        }


def _changed_or_gone(refused: Mapping[str, Any]) -> WebhooksError:
    if "Item" in refused:
        return Conflict("the webhook was changed by another call at the same moment; read it and try again")
    return NotFound("there is no such webhook")
