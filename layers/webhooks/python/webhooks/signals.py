"""Operational events: what happened to a webhook itself, told to the platform on the bus.

They are told at least once; one that is told again carries the same id. Their source, `aisoule.webhooks`, is not the one
that the fanout rule matches, so they can never loop.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from webhooks.models import Webhook

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "aisoule.webhooks"
Signal = Literal["webhook.failing", "webhook.recovered", "webhook.disabled"]


class NotTold(Exception):
    """The bus refused the entry: a fault on our side."""


def tell(events: EventBridgeClient, bus: str, name: Signal, webhook: Webhook) -> None:
    """`webhook` as it is disabled, or as it is or was failing: since when makes the signal's id. Raises NotTold."""
    since = webhook.disabled_at if name == "webhook.disabled" else webhook.failing_since
    identity = f"{name} {webhook.id} {since}"
    detail = {
        "id": "evt_" + hashlib.sha256(identity.encode()).hexdigest()[:32],
        "account_id": webhook.account_id,
        "webhook_id": webhook.id,
        "failing_since": webhook.failing_since,
        "failing_reason": webhook.failing_reason,
        "event_id": webhook.failing_event_id,
    }
    answer = events.put_events(
        Entries=[{"Source": SOURCE, "DetailType": name, "Detail": json.dumps(detail), "EventBusName": bus}]
    )
    if answer["FailedEntryCount"]:
        raise NotTold(answer["Entries"][0].get("ErrorCode"))
