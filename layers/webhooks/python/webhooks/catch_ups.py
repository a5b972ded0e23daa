"""How far each webhook's catching up is: an item of the log table beside its pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item
from webhooks.catch_up import EARLIER, CatchUp
from webhooks.due import RELEASE
from webhooks.item_keys import catch_up_key
from webhooks.models import Webhook
from webhooks.retention import expires_at
from webhooks.times import now, parse_time, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class CatchUps:
    def __init__(self, client: DynamoDBClient, table: str, *, log_days: int) -> None:
        self._client = client
        self._table = table
        self._log_days = log_days

    def read(self, webhook_id: str) -> CatchUp | None:
        answer = self._client.get_item(TableName=self._table, Key=catch_up_key(webhook_id), ConsistentRead=True)
        return _catch_up_of(answer.get("Item"))

    def begin(self, webhook: Webhook, accepted_at: str | None, *, again: bool = False) -> None:
        """
        Begins one for a webhook that is failing because of a delivery of an event `accepted_at`, None if that is not known.
        Another webhook gets none. One that is under way goes on; repeated for the same outage, it changes nothing, unless
        somebody wants it `again`.
        """
        failing_since = webhook.failing_since
        if failing_since is None:
            return
        begun = CatchUp(
            webhook_id=webhook.id,
            account_id=webhook.account_id,
            state="waiting",
            since=rfc3339(parse_time(min(failing_since, accepted_at or failing_since)) - EARLIER),
            failing_since=failing_since,
        ).with_next_probe()
        was = self._put(begun, "attribute_not_exists(pk)", {})
        while was and (following := was.followed_by(begun, again=again)):
            was = self._replace(following)

    def save(self, catch_up: CatchUp) -> bool:
        """Says whether nobody else has changed it since it was read."""
        return self._replace(catch_up) is None

    def make_due_now(self, webhook_id: str) -> bool:
        """
        Lets what is under way go on within a minute, because the endpoint has answered 200, or somebody has enabled the
        webhook. Returns False if nothing is.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=catch_up_key(webhook_id),
                UpdateExpression="SET due_at = :now ADD version :one",
                ConditionExpression="attribute_exists(due)",
                ExpressionAttributeValues=to_item({":now": rfc3339(now()), ":one": 1}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def stop(self, webhook_id: str) -> None:
        """Ends what is under way, because somebody has disabled the webhook, or wants no catching up."""
        catch_up = self.read(webhook_id)
        while catch_up and not catch_up.is_over() and not self.save(catch_up.ended("stopped")):
            catch_up = self.read(webhook_id)

    def _replace(self, catch_up: CatchUp) -> CatchUp | None:
        written = replace(catch_up, version=catch_up.version + 1)
        return self._put(written, "version = :version", {":version": catch_up.version})

    def _put(self, catch_up: CatchUp, condition: str, values: dict[str, Any]) -> CatchUp | None:
        """None if it is written; else the one that is there."""
        extra = {"due": RELEASE if catch_up.due_at else None, "expires_at": expires_at(rfc3339(now()), self._log_days)}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=catch_up_key(catch_up.webhook_id) | to_item(asdict(catch_up) | extra),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ExpressionAttributeValues": to_item(values)} if values else {}),  # type: ignore[arg-type]
            )
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            was: dict[str, Any] = dict(refused.response)
            return _catch_up_of(was.get("Item"))
        return None


_FIELDS = {field.name for field in fields(CatchUp)}


def _catch_up_of(item: Mapping[str, Any] | None) -> CatchUp | None:
    values = from_item(dict(item or {}))
    known = {name: values[name] for name in _FIELDS & values.keys()}
    return CatchUp(**known) if values else None
