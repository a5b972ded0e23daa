"""
Emits, at each change, the event types for which an account has enabled subscribers, so that publishers can skip the others.

A publisher keeps the one with the highest version. If that named fewer types than there are, events would be lost. So a
change is announced before it is made: what it may add is emitted first, and its result afterwards. Whatever is emitted
meanwhile includes what is announced, even if the process that announced it is gone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks import operational_events
from webhooks.attribute_values import from_item, to_item
from webhooks.clients import client
from webhooks.errors import NotSent, WebhooksError
from webhooks.item_keys import subscriptions_key
from webhooks.models import new_id
from webhooks.operational_events import Subscriptions
from webhooks.tables import webhook_lists
from webhooks.times import now
from webhooks.webhook_lists import WebhookLists

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient

# The API's: that of `telemetry` buffers lines, and the API would never write them.
logger = logging.getLogger(os.environ.get("POWERTOOLS_SERVICE_NAME"))
_ANNOUNCED_SECONDS = 300
"""Far longer than a call of the API takes; after that, its change has been made or never will be."""

_CALL = "call"
Known = Mapping[str, Any]
"""The version, and what calls have announced, by their ids."""


@dataclass(slots=True)
class Change:
    emitted: bool = False
    """Whether its result has been emitted."""


class SubscriptionChanges:
    def __init__(self, dynamodb: DynamoDBClient, webhooks: WebhookLists, events: EventBridgeClient, bus: str) -> None:
        self._dynamodb = dynamodb
        self._webhooks = webhooks
        self._events = events
        self._bus = bus

    def read(self, account_id: str) -> Subscriptions:
        answer = self._dynamodb.get_item(
            TableName=self._webhooks.name, Key=subscriptions_key(account_id), ConsistentRead=True
        )
        return self._read_after(account_id, from_item(answer.get("Item", {})))

    @contextmanager
    def changing(self, account_id: str, *, adds: Collection[str] = (), enables: str | None = None) -> Iterator[Change]:
        """
        For a change that is made inside. It may add subscribers of the types `adds`, and enable the webhook `enables`.

        Raises NotSent if it could not be announced; it has not been made then. `Change.emitted` says whether the result was:
        if not, publishers believe that there are more subscribers than there are.
        """
        call = new_id(_CALL)
        over: list[str] = []
        if adds or enables:
            known = self._write(account_id, [], {call: _announcement(adds, enables)})
            over = [name for name in _calls(known) if not _is_announced(known[name])]
            self._announce(account_id, known)
        change = Change()
        try:
            yield change
        except WebhooksError:  # refused; after another error, it may still be made
            self._emitted(account_id, [call, *over])
            raise
        change.emitted = self._emitted(account_id, [call, *over])

    def forget(self, account_id: str) -> None:
        """
        Deletes what calls have announced; each has made its change or never will. The version stays: publishers ignore a
        lower one, so that they would miss the subscriptions of a new account with the same id.
        """
        answer = self._dynamodb.get_item(
            TableName=self._webhooks.name, Key=subscriptions_key(account_id), ConsistentRead=True
        )
        if calls := _calls(from_item(answer.get("Item", {}))):
            self._write(account_id, calls, {})

    def _announce(self, account_id: str, known: Known) -> None:
        try:
            self._emit(account_id, known)
        except Exception:
            logger.exception("subscriptions.not_emitted", extra={"account_id": account_id})
            raise NotSent("nothing was changed, because the change could not be announced; try again") from None

    def _emitted(self, account_id: str, calls: list[str]) -> bool:
        """Emits what there is now, without what the calls have announced. Says whether that worked."""
        try:
            self._emit(account_id, self._write(account_id, calls, {}))
        except Exception:
            logger.exception("subscriptions.not_emitted", extra={"account_id": account_id})
            return False
        return True

    def _write(self, account_id: str, removed: list[str], announced: Mapping[str, Any]) -> Known:
        sets = f"SET {', '.join(f'#{name} = :{name}' for name in announced)} " if announced else ""
        removes = f"REMOVE {', '.join(f'#{name}' for name in removed)} " if removed else ""
        answer = self._dynamodb.update_item(
            TableName=self._webhooks.name,
            Key=subscriptions_key(account_id),
            UpdateExpression=f"{sets}{removes}ADD version :one",
            ExpressionAttributeNames={f"#{name}": name for name in (*removed, *announced)},
            ExpressionAttributeValues=to_item({":one": 1} | {f":{name}": value for name, value in announced.items()}),
            ReturnValues="ALL_NEW",
        )
        return from_item(answer["Attributes"])

    def _emit(self, account_id: str, known: Known) -> None:
        operational_events.emit_subscriptions(self._events, self._bus, self._read_after(account_id, known))

    def _read_after(self, account_id: str, known: Known) -> Subscriptions:
        """Reads the webhooks after the version, so that a version includes each change with a lower one."""
        announced = [known[name] for name in _calls(known) if _is_announced(known[name])]
        enabled = {call.get("enables") for call in announced}
        events = {event for call in announced for event in call["events"]}
        for webhook in self._webhooks.subscriptions(account_id):
            if webhook.enabled or webhook.webhook_id in enabled:
                events |= webhook.events
        return Subscriptions(account_id, known.get("version", 0), sorted(events))


def _announcement(adds: Collection[str], enables: str | None) -> dict[str, Any]:
    until = int(now().timestamp()) + _ANNOUNCED_SECONDS
    return {"events": sorted(adds), "until": until} | ({"enables": enables} if enables else {})


def _calls(known: Known) -> list[str]:
    return [name for name in known if name.startswith(f"{_CALL}_")]


def _is_announced(call: Mapping[str, Any]) -> bool:
    return bool(call["until"] > now().timestamp())


@cache
def subscription_changes() -> SubscriptionChanges:
    return SubscriptionChanges(client("dynamodb"), webhook_lists(), client("events"), os.environ["EVENT_BUS_NAME"])
