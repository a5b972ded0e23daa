"""Operational events: what happened to a webhook or an account itself, for the platform, on the bus.

They are emitted at least once; one that is emitted again carries the same id. Their source, `aisoule.webhooks`, is not
the one that the fanout rule matches, so they can never loop.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from webhooks.models import Webhook

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "aisoule.webhooks"
OperationalEvent = Literal["webhook.failing", "webhook.recovered", "webhook.disabled"]


MAX_COUNTED = 1000
"""
Of the failed deliveries of an outage: so many, or more. Every message that deliver has in hand when an endpoint works again
makes the count, so it has to be small.
"""

SUBSCRIPTIONS_CHANGED = "account.subscriptions_changed"


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The event types that an account has enabled subscribers for, sorted; of two, the one with the higher version holds."""

    account_id: str
    version: int
    events: list[str]


class EmitFailed(Exception):
    """The bus refused the entry: a fault on our side."""


def emit(
    events: EventBridgeClient,
    bus: str,
    name: OperationalEvent,
    webhook: Webhook,
    *,
    failed_deliveries: int | None = None,
) -> None:
    """`webhook` as it is disabled, or as it is or was failing: since when makes the event's id. Raises EmitFailed."""
    since = webhook.disabled_at if name == "webhook.disabled" else webhook.failing_since
    detail = {
        "id": _id(f"{name} {webhook.id} {since}"),
        "account_id": webhook.account_id,
        "webhook_id": webhook.id,
        "webhook_name": webhook.name,
        "page_url": f"{os.environ['PUBLIC_URL']}/settings/webhooks#/{webhook.id}",
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "failing_reason": webhook.failing_reason,
        "failing_code": webhook.failing_code,
        "failed_deliveries": failed_deliveries,
        "catch_up": webhook.catch_up,
        "event_id": webhook.failing_event_id or webhook.disabled_event_id,
    }
    _emit(events, bus, name, detail)


def emit_subscriptions(events: EventBridgeClient, bus: str, subscriptions: Subscriptions) -> None:
    """Raises EmitFailed."""
    identity = f"{SUBSCRIPTIONS_CHANGED} {subscriptions.account_id} {subscriptions.version}"
    _emit(events, bus, SUBSCRIPTIONS_CHANGED, {"id": _id(identity), **asdict(subscriptions)})


def _id(identity: str) -> str:
    return "evt_" + hashlib.sha256(identity.encode()).hexdigest()[:32]


def _emit(events: EventBridgeClient, bus: str, name: str, detail: Mapping[str, Any]) -> None:
    answer = events.put_events(
        Entries=[{"Source": SOURCE, "DetailType": name, "Detail": json.dumps(detail), "EventBusName": bus}]
    )
    if answer["FailedEntryCount"]:
        raise EmitFailed(answer["Entries"][0].get("ErrorCode"))
