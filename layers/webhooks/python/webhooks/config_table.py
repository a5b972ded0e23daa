"""The config table: an account's webhooks, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webhooks.conflicts import retry_on_conflict
from webhooks.errors import Conflict, LimitReached, NotFound, WebhooksError
from webhooks.expressions import begins_with, compare_and_set, if_unchanged
from webhooks.items import (
    deleted_webhook_key,
    from_item,
    inbox_item,
    inbox_key,
    to_item,
    webhook_count_key,
    webhook_item,
    webhook_key,
    webhook_of,
)
from webhooks.models import Lane, Subscription, Webhook
from webhooks.times import now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

DELETED_KEPT = timedelta(days=400)
"""How long the id of a deleted webhook is kept: longer than any of its deliveries (`infra.settings`: `log_days`)."""


class ConfigTable:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    def subscriptions(self, account_id: str) -> list[Subscription]:
        """
        Of all the account's webhooks, disabled ones too. Reads no secret. Strongly consistent: an event that nobody wants is
        not stored, so nothing would make up for a webhook that this read missed.
        """
        pages = self._client.get_paginator("query").paginate(
            **self._webhooks(account_id),
            ConsistentRead=True,
            ProjectionExpression="id, #status, events, slow_since, whatsapp_account_ids, max_per_second",
            ExpressionAttributeNames={"#status": "status"},
        )
        return [_subscription(from_item(item)) for page in pages for item in page["Items"]]

    def names(self, account_id: str) -> dict[str, str]:
        """Of all the account's webhooks, by their ids. Reads no secret."""
        pages = self._client.get_paginator("query").paginate(
            **self._webhooks(account_id),
            ConsistentRead=True,
            ProjectionExpression="id, #name",
            ExpressionAttributeNames={"#name": "name"},
        )
        return {item["id"]["S"]: item["name"]["S"] for page in pages for item in page["Items"]}

    def webhooks(self, account_id: str, *, limit: int, after: str | None = None) -> tuple[list[Webhook], str | None]:
        """One page in the order of ids, after the id `after`; and the id to go on after, None at the end."""
        start = {"ExclusiveStartKey": webhook_key(account_id, after)} if after else {}
        answer = self._client.query(
            **self._webhooks(account_id),
            ConsistentRead=True,
            Limit=limit + 1,  # one more tells whether there is a next page
            **start,  # type: ignore[arg-type]  # only present when there is one
        )
        page = [webhook_of(item) for item in answer["Items"][:limit]]
        more = len(answer["Items"]) > limit or "LastEvaluatedKey" in answer  # a page ends at 1 MB too
        return page, page[-1].id if more else None

    def webhook(self, account_id: str, webhook_id: str) -> Webhook:
        """Raises NotFound, for another account's webhook too."""
        answer = self._client.get_item(
            TableName=self.name, Key=webhook_key(account_id, webhook_id), ConsistentRead=True
        )
        if "Item" not in answer:
            raise NotFound("there is no such webhook")
        return webhook_of(answer["Item"])

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
            "TableName": self.name,
            "Item": webhook_item(webhook),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        address: Any = [{"Put": {"TableName": self.name, "Item": inbox_item(webhook)}}] if webhook.inbox else []
        try:
            retry_on_conflict(
                lambda: self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": count}, *address])
            )
        except self._client.exceptions.TransactionCanceledException as cancelled:
            if cancelled.response["CancellationReasons"][1].get("Code") == "ConditionalCheckFailed":
                raise LimitReached(
                    f"the account has {limit} webhooks, the most it may have; delete one first"
                ) from None
            raise

    def rotate_secret(self, webhook: Webhook, secret: str, *, previous_expires_at: str | None, at: str) -> None:
        """
        The new secret signs from the next attempt on; the one it replaces signs, too, until `previous_expires_at`, if given.

        Raises Conflict if another rotation came first, so that no secret that was handed out is forgotten unnoticed.
        """
        previous = webhook.secret if previous_expires_at else None
        changes = {"secret": secret, "previous_secret": previous, "previous_expires_at": previous_expires_at}
        self.edit_webhook(
            webhook.account_id, webhook.id, {**changes, "updated_at": at}, unchanged={"secret": webhook.secret}
        )

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

        Raises NotFound, and Conflict if what should be `unchanged` has another value by now.
        """
        update = self._update(account_id, webhook_id, changes, unchanged=unchanged or {}, increased="version")
        update |= {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            answer = retry_on_conflict(lambda: self._client.update_item(**update))
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            raise _changed_or_gone(refused.response) from None
        return webhook_of(answer["Attributes"])

    def delete_webhook(
        self, account_id: str, webhook_id: str, *, version: int | None = None, inbox: str | None = None
    ) -> None:
        """
        And its test address, if the webhook has the `inbox`. Leaves its id behind, for the erasure of its account
        (`webhooks.erasures`).

        Raises NotFound, and Conflict if a `version` is given and an edit has made it another.
        """
        delete: Any = {
            "TableName": self.name,
            "Key": webhook_key(account_id, webhook_id),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **if_unchanged({"version": version} if version else {}),
        }
        count: Any = self._count(account_id, -1)
        address: Any = [{"Delete": {"TableName": self.name, "Key": inbox_key(inbox)}}] if inbox else []
        left = to_item({"expires_at": int((now() + DELETED_KEPT).timestamp())})
        put: Any = {"TableName": self.name, "Item": deleted_webhook_key(account_id, webhook_id) | left}
        writes = [{"Delete": delete}, {"Update": count}, {"Put": put}, *address]
        try:
            retry_on_conflict(lambda: self._client.transact_write_items(TransactItems=writes))
        except self._client.exceptions.TransactionCanceledException as cancelled:
            reason = cancelled.response["CancellationReasons"][0]
            if reason.get("Code") != "ConditionalCheckFailed":
                raise
            raise _changed_or_gone(reason) from None

    def deleted_webhook(self, account_id: str) -> str | None:
        """The id of one of the account's deleted webhooks, if there is any that is not forgotten yet."""
        key = deleted_webhook_key(account_id, "")
        items = self._client.query(TableName=self.name, **begins_with(key), ConsistentRead=True, Limit=1)["Items"]
        return items[0]["sk"]["S"].partition("#")[2] if items else None

    def forget_webhook(self, account_id: str, webhook_id: str) -> None:
        """Nothing is left of the deleted webhook."""
        self._client.delete_item(TableName=self.name, Key=deleted_webhook_key(account_id, webhook_id))

    def forget_count(self, account_id: str) -> None:
        """Of an account without webhooks. Raises Conflict if it has one."""
        try:
            self._client.delete_item(
                TableName=self.name,
                Key=webhook_count_key(account_id),
                ConditionExpression="attribute_not_exists(pk) OR webhooks <= :none",
                ExpressionAttributeValues={":none": {"N": "0"}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise Conflict("the account has webhooks") from None

    def mark_failing(self, webhook: Webhook, *, together_with: PutTypeDef) -> bool:
        """
        Writes the status of a webhook that became failing, in one transaction with its delivery's.

        False if the webhook is no longer active, or the delivery has changed since it was read: read both again.
        """
        update: Any = self._update(
            webhook.account_id, webhook.id, webhook.status_fields(), unchanged={"status": "active"}
        )
        try:
            self._client.transact_write_items(TransactItems=[{"Put": together_with}, {"Update": update}])
        except self._client.exceptions.TransactionCanceledException as cancelled:
            reasons = {reason.get("Code") for reason in cancelled.response["CancellationReasons"]}
            if reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
        return True

    def mark_gone(self, webhook: Webhook, *, together_with: PutTypeDef) -> bool:
        """
        Writes the status of a webhook that its endpoint has ended, in one transaction with its delivery's.

        False if a person has edited it since it was read, it is disabled or deleted, or the delivery has changed: read both
        again.
        """
        unchanged = {"version": webhook.version, "disabled_at": None}
        update: Any = self._update(webhook.account_id, webhook.id, webhook.status_fields(), unchanged=unchanged)
        try:
            # Several deliveries may learn it at the same moment.
            retry_on_conflict(
                lambda: self._client.transact_write_items(TransactItems=[{"Update": update}, {"Put": together_with}])
            )
        except self._client.exceptions.TransactionCanceledException as cancelled:
            reasons = {reason.get("Code") for reason in cancelled.response["CancellationReasons"]}
            if "ConditionalCheckFailed" in reasons:
                return False
            raise
        return True

    def mark_active(self, webhook: Webhook) -> None:
        """Ends a webhook's failing, unless it has meanwhile recovered, failed anew, or been disabled or deleted."""
        same = {"status": "failing", "failing_since": webhook.failing_since}
        update = self._update(webhook.account_id, webhook.id, webhook.recovered().status_fields(), unchanged=same)
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**update)

    def mark_lane(self, webhook: Webhook, lane: Lane, at: str) -> bool:
        """
        Moves the webhook to the lane, if it is still in the one it was read in. Says whether it did: also if the SDK
        repeated the update, because its answer was lost, and the repeat was refused.
        """
        changes = {"slow_since": at} if lane == "retry" else {"slow_since": None, "prompt_since": at}
        update = self._update(webhook.account_id, webhook.id, changes, unchanged={"slow_since": webhook.slow_since})
        try:
            self._client.update_item(**update, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            response: dict[str, Any] = dict(refused.response)
            found = from_item(response.get("Item", {}))
            return all(found.get(name) == value for name, value in changes.items())
        return True

    def _update(
        self, account_id: str, webhook_id: str, changes: Mapping[str, Any], **conditions: Any
    ) -> dict[str, Any]:
        key = {"TableName": self.name, "Key": webhook_key(account_id, webhook_id)}
        return key | compare_and_set(changes, **conditions)

    def _webhooks(self, account_id: str) -> dict[str, Any]:
        return {"TableName": self.name, **begins_with(webhook_key(account_id, ""))}

    def _count(self, account_id: str, step: int) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "Key": webhook_count_key(account_id),
            "UpdateExpression": "ADD webhooks :step",
            "ExpressionAttributeValues": {":step": {"N": str(step)}},
        }


def _changed_or_gone(refused: Mapping[str, Any]) -> WebhooksError:
    if "Item" in refused:
        return Conflict("somebody else changed it at the same moment; read it and try again")
    return NotFound("there is no such webhook")


def _subscription(item: Mapping[str, Any]) -> Subscription:
    return Subscription(
        webhook_id=item["id"],
        events=frozenset(item["events"]),
        enabled=item["status"] != "disabled",
        lane="retry" if "slow_since" in item else "delivery",
        whatsapp_account_ids=frozenset(item.get("whatsapp_account_ids", ())),
        max_per_second=item.get("max_per_second"),
    )
