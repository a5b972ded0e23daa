"""How far each webhook's catching up is: an item of the log table beside its pace. docs/catch-up.md says what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from webhooks.attribute_values import from_item, to_item
from webhooks.deliveries import Delivery
from webhooks.item_keys import catch_up_key
from webhooks.models import Webhook
from webhooks.pace import DUE
from webhooks.retention import expires_at
from webhooks.times import now, parse_time, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CatchUpState = Literal["waiting", "sending", "done", "given_up", "stopped"]

SentAgain = Literal["waiting", "given_up", "stopped", "too_old"]
"""Whether a failed delivery is sent again by itself: it is when the endpoint works, or is no more."""

PROBES = (timedelta(minutes=15), timedelta(hours=1), *(timedelta(hours=hours) for hours in range(3, 72, 6)))
"""When an endpoint is probed, counted from when its webhook became failing."""

GIVEN_UP_AFTER = timedelta(days=3)

EARLIER = timedelta(hours=1)
"""
What fails in an outage was accepted before it: by the whole of the retries, and a wait in the queue. And what is sent again
has arrived or failed so long after the last of it was sent.
"""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """
    Of one webhook, the last one. `since` is when the events were accepted that it is about, `failing_since` the outage that
    it waits for the end of. `sent` of about `total` deliveries were sent again; `after` is where the log is read on.
    """

    webhook_id: str
    account_id: str
    state: CatchUpState
    since: str
    failing_since: str
    due_at: str | None
    probes: int = 0
    pauses: int = 0
    after: str | None = None
    sent: int = 0
    total: int = 0
    ended_at: str | None = None
    version: int = 1

    def is_over(self) -> bool:
        return self.due_at is None

    def ended(self, state: CatchUpState) -> CatchUp:
        return replace(self, state=state, due_at=None, ended_at=rfc3339(now()))

    def followed_by(self, begun: CatchUp, *, again: bool) -> CatchUp | None:
        """
        What is known when another outage has begun. None if that is known already. `done` says that all was sent, not that
        it arrived: what a second outage soon after it has made fail is sent again, too.
        """
        known = self.failing_since >= begun.failing_since
        if not self.is_over():
            return None if known else self  # written anew, so that a look at this moment does not end it
        if known and not again:
            return None
        if self.state == "done" and str(self.ended_at) > rfc3339(parse_time(begun.failing_since) - EARLIER):
            since, pauses = min(self.since, begun.since), self.pauses + 1
            begun = replace(begun, since=since, pauses=pauses, sent=self.sent, total=self.total)
        return replace(begun, version=self.version)

    def sends_again(self, delivery: Delivery, *, hours: int) -> SentAgain | None:
        """Of a delivery at most so many hours old. None for what did not fail in the outage, or did after all was over."""
        end = self.ended_at or rfc3339(now())
        failed = delivery.status == "failed" and delivery.round_started_at <= end
        if not failed or not self.since <= delivery.accepted_at <= end:
            return None
        if delivery.accepted_at < rfc3339(parse_time(end) - timedelta(hours=hours)):
            return "too_old"
        if self.state == "done":
            return None
        return "waiting" if self.state == "sending" else self.state

    def with_next_probe(self) -> CatchUp:
        """The next one that is still to come; without any, what remains is to give up."""
        began = parse_time(self.failing_since)
        times = [began + after for after in (*PROBES, GIVEN_UP_AFTER)]
        return replace(self, due_at=rfc3339(next((time for time in times if time > now()), times[-1])))


class CatchUps:
    def __init__(self, client: DynamoDBClient, table: str, *, log_days: int) -> None:
        self._client = client
        self._table = table
        self._log_days = log_days

    def read(self, webhook_id: str) -> CatchUp | None:
        answer = self._client.get_item(TableName=self._table, Key=catch_up_key(webhook_id), ConsistentRead=True)
        return _catch_up_of(answer.get("Item"))

    def begin(self, webhook: Webhook, accepted_at: str, *, again: bool = False) -> None:
        """
        For a webhook that is failing because of a delivery of an event `accepted_at`. One that is under way goes on;
        repeated for the same outage, it changes nothing, unless somebody wants it `again`.
        """
        failing_since = str(webhook.failing_since)
        begun = CatchUp(
            webhook_id=webhook.id,
            account_id=webhook.account_id,
            state="waiting",
            since=rfc3339(parse_time(min(failing_since, accepted_at)) - EARLIER),
            failing_since=failing_since,
            due_at=None,
        ).with_next_probe()
        was = self._put(begun, "attribute_not_exists(pk)", {})
        while was and (following := was.followed_by(begun, again=again)):
            was = self._replace(following)

    def save(self, catch_up: CatchUp) -> bool:
        """Says whether nobody else has changed it since it was read."""
        return self._replace(catch_up) is None

    def look_now(self, webhook_id: str) -> None:
        """The endpoint has answered 200, or somebody has disabled the webhook: what is under way goes on within a minute."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=catch_up_key(webhook_id),
                UpdateExpression="SET due_at = :now ADD version :one",
                ConditionExpression="attribute_exists(due)",
                ExpressionAttributeValues=to_item({":now": rfc3339(now()), ":one": 1}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

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
        extra = {"due": DUE if catch_up.due_at else None, "expires_at": expires_at(rfc3339(now()), self._log_days)}
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


_FIELDS = {field.name for field in fields(CatchUp)} - {"due_at"}


def _catch_up_of(item: Mapping[str, Any] | None) -> CatchUp | None:
    values = from_item(dict(item or {}))
    known = {name: values[name] for name in _FIELDS & values.keys()}
    return CatchUp(**known, due_at=values.get("due_at")) if values else None
