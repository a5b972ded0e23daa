"""
Every five minutes, if the setting `canary` is on: publishes an event of an account of its own, and looks whether it arrives
at that account's test address. It goes the way of every customer's events: bus, fanout, queue, deliver, and a POST over
HTTPS.
"""

from __future__ import annotations

import json
import os
import secrets
import time

from webhooks.clients import client
from webhooks.errors import NotSent
from webhooks.event_types import EVENT_TYPES, SOURCE
from webhooks.inboxes import inboxes
from webhooks.models import Webhook, new_id, token_sha256
from webhooks.signing import new_secret
from webhooks.tables import config_table, webhook_lists
from webhooks.telemetry import count, flush, logger
from webhooks.times import now, rfc3339

ACCOUNT_ID = "aisoule-canary"
"""`infra.canary` grants access to this account's items alone."""

ARRIVES_SECONDS = 60
_EVENT = EVENT_TYPES["message.incoming"]
_LOOK_SECONDS = 1.0
_LOOKED_AT = 20
"""How many of the newest requests it looks at: after an outage, events of earlier runs arrive, too."""


def lambda_handler(schedule_event: object, context: object) -> None:
    """Counts CanaryMissed as 0 or 1, and as 1 for each fault of its own: then nobody knows whether events arrive."""
    missed = 1
    try:
        missed = 0 if _arrives() else 1
    except Exception:
        logger.exception("canary.our_fault")
    finally:
        count("CanaryMissed", missed)
        flush()


def _arrives() -> bool:
    webhook = _webhook()
    event_id = new_id("evt")
    published = time.monotonic()
    _publish(event_id)
    while not (arrived := _has_arrived(webhook, event_id)) and time.monotonic() < published + ARRIVES_SECONDS:
        time.sleep(_LOOK_SECONDS)
    took = round((time.monotonic() - published) * 1000)
    if arrived:
        logger.info("canary.arrived", event_id=event_id, ms=took)
    else:
        logger.error("canary.missed", event_id=event_id, webhook_id=webhook.id, webhook_status=webhook.status, ms=took)
    return arrived


def _webhook() -> Webhook:
    """The account's only one; made at the first run, and moved if the API's address has changed."""
    base = os.environ["INBOX_URL"]
    found, _ = webhook_lists().page(ACCOUNT_ID, limit=1)
    if not found:
        return _created(base)
    url = f"{base}/{found[0].url.rpartition('/')[2]}"
    if found[0].url == url:
        return found[0]
    return config_table().edit_webhook(ACCOUNT_ID, found[0].id, {"url": url, "updated_at": rfc3339(now())})


def _created(base: str) -> Webhook:
    token = secrets.token_urlsafe(32)
    at = rfc3339(now())
    webhook = Webhook(
        id=new_id("wh"),
        account_id=ACCOUNT_ID,
        name="Canary",
        url=f"{base}/{token}",
        events=[_EVENT.name],
        status="active",
        secret=new_secret(),
        created_at=at,
        updated_at=at,
        inbox=token_sha256(token),
    )
    config_table().create_webhook(webhook, limit=1)
    return webhook


def _publish(event_id: str) -> None:
    """Raises NotSent."""
    detail = {"account_id": ACCOUNT_ID, "id": event_id, "data": dict(_EVENT.example)}
    answer = client("events").put_events(
        Entries=[
            {
                "EventBusName": os.environ["EVENT_BUS_NAME"],
                "Source": SOURCE,
                "DetailType": _EVENT.name,
                "Detail": json.dumps(detail),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        raise NotSent("the bus did not accept the event")


def _has_arrived(webhook: Webhook, event_id: str) -> bool:
    newest, _ = inboxes().newest(webhook, after=0, before=None, limit=_LOOKED_AT)
    return any(request.headers.get("webhook-id") == event_id for request in newest)
