"""The config table: an account's webhooks, how many there are, and what a key opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webhooks.conflicts import repeated
from webhooks.errors import Conflict, LimitReached, NotFound
from webhooks.items import from_item, to_item, webhook_item, webhook_key, webhook_of
from webhooks.models import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ConfigTable:
    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    def subscribed(self, account_id: str, event: str) -> list[str]:
        """The ids of the account's webhooks that want the event. Strongly consistent, and reads no secret."""
        pages = self._client.get_paginator("query").paginate(
            **self._webhooks(account_id),
            ConsistentRead=True,
            ProjectionExpression="id, #status, events",
            ExpressionAttributeNames={"#status": "status"},
        )
        webhooks = [from_item(item) for page in pages for item in page["Items"]]
        return [w["id"] for w in webhooks if w["status"] != "disabled" and event in w["events"]]

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

    def create_webhook(self, webhook: Webhook, *, most: int) -> None:
        """Counts in the same transaction, so that no race passes the limit. Raises LimitReached."""
        count: Any = self._count(webhook.account_id, 1) | {
            "ConditionExpression": "attribute_not_exists(webhooks) OR webhooks < :most"
        }
        count["ExpressionAttributeValues"][":most"] = {"N": str(most)}
        put: Any = {
            "TableName": self.name,
            "Item": webhook_item(webhook),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        try:
            repeated(lambda: self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": count}]))
        except self._client.exceptions.TransactionCanceledException as cancelled:
            if cancelled.response["CancellationReasons"][1].get("Code") == "ConditionalCheckFailed":
                raise LimitReached(f"the account has {most} webhooks, the most it may have; delete one first") from None
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
        same = unchanged or {}
        set_ = {name: value for name, value in changes.items() if value is not None}
        removed = [name for name, value in changes.items() if value is None]
        sets = ", ".join(["version = version + :one", *(f"#{name} = :{name}" for name in set_)])
        removes = f" REMOVE {', '.join(f'#{name}' for name in removed)}" if removed else ""
        update: Any = {
            "TableName": self.name,
            "Key": webhook_key(account_id, webhook_id),
            "UpdateExpression": f"SET {sets}{removes}",
            "ConditionExpression": " AND ".join(["attribute_exists(pk)", *(f"#{name} = :was_{name}" for name in same)]),
            "ExpressionAttributeNames": {f"#{name}": name for name in {**changes, **same}},
            "ExpressionAttributeValues": to_item(
                {":one": 1}
                | {f":{name}": v for name, v in set_.items()}
                | {f":was_{name}": v for name, v in same.items()}
            ),
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            answer = repeated(lambda: self._client.update_item(**update))
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            if "Item" in refused.response:
                raise Conflict("somebody else changed it at the same moment; read it and try again") from None
            raise NotFound("there is no such webhook") from None
        return webhook_of(answer["Attributes"])

    def delete_webhook(self, account_id: str, webhook_id: str, *, version: int | None = None) -> None:
        """Raises NotFound, and Conflict if a `version` is given and an edit has made it another."""
        delete: Any = {
            "TableName": self.name,
            "Key": webhook_key(account_id, webhook_id),
            "ConditionExpression": "attribute_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if version:
            delete["ConditionExpression"] += " AND version = :read"
            delete["ExpressionAttributeValues"] = {":read": {"N": str(version)}}
        count: Any = self._count(account_id, -1)
        try:
            repeated(lambda: self._client.transact_write_items(TransactItems=[{"Delete": delete}, {"Update": count}]))
        except self._client.exceptions.TransactionCanceledException as cancelled:
            reason = cancelled.response["CancellationReasons"][0]
            if reason.get("Code") != "ConditionalCheckFailed":
                raise
            if "Item" in reason:
                raise Conflict("somebody else changed it at the same moment; read it and try again") from None
            raise NotFound("there is no such webhook") from None

    def _webhooks(self, account_id: str) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :account AND begins_with(sk, :webhook)",
            "ExpressionAttributeValues": {":account": {"S": f"ACCOUNT#{account_id}"}, ":webhook": {"S": "WEBHOOK#"}},
        }

    def _count(self, account_id: str, step: int) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "Key": {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "COUNT"}},
            "UpdateExpression": "ADD webhooks :step",
            "ExpressionAttributeValues": {":step": {"N": str(step)}},
        }
