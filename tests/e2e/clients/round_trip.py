"""A webhook's life by the client that openapi-python-client makes of the specification. Prints what was seen, as JSON."""

# What is generated is only there while the test runs.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from typing import Any

from aisoule import AuthenticatedClient
from aisoule.api.deliveries import list_deliveries
from aisoule.api.events import get_event, publish_event
from aisoule.api.webhooks import create_webhook, delete_webhook
from aisoule.models import (
    DeliveryPage,
    Event,
    EventAccepted,
    EventName,
    MessageIncomingData,
    MessageIncomingEventRequest,
    MessageIncomingPayload,
    Problem,
    WebhookCreated,
    WebhookRequest,
)


def client_of(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["API_URL"], token=os.environ[key])


def delivered(account: AuthenticatedClient, event_id: str) -> Event:
    while True:
        found = get_event.sync(event_id, client=account)
        if isinstance(found, Event) and any(delivery.status == "delivered" for delivery in found.deliveries):
            return found
        time.sleep(0.1)


def main() -> None:
    with client_of("ACCOUNT_KEY") as account, client_of("PLATFORM_KEY") as platform:
        print(json.dumps(round_trip(account, platform)))


def round_trip(account: AuthenticatedClient, platform: AuthenticatedClient) -> dict[str, Any]:
    events = [EventName.MESSAGE_INCOMING]
    webhook = WebhookRequest(name="Python", url=os.environ["ENDPOINT"], events=events)
    created = create_webhook.sync(client=account, body=webhook)
    assert isinstance(created, WebhookCreated)
    data = MessageIncomingData(message_id="wamid.python", whatsapp_account_id="uuid", text="naïve")
    data["extra"] = [1.5, None]
    account_id = os.environ["ACCOUNT_ID"]
    request = MessageIncomingEventRequest(account_id=account_id, event="message.incoming", data=data)
    accepted = publish_event.sync(client=platform, body=request)
    assert isinstance(accepted, EventAccepted)
    event = delivered(account, accepted.id)
    assert isinstance(event.payload, MessageIncomingPayload)
    assert isinstance(event.accepted_at, datetime)
    log = list_deliveries.sync(created.id, client=account, since=event.accepted_at)
    assert isinstance(log, DeliveryPage)
    refused = create_webhook.sync(client=account, body=WebhookRequest(name="", url="", events=events))
    assert isinstance(refused, Problem)
    return {
        "secret": created.secret,
        "data": event.payload.data.to_dict(),
        "statuses": [delivery.status for delivery in log.data],
        "refused": [error.field for error in refused.errors or []],
        "deleted": delete_webhook.sync_detailed(created.id, client=account).status_code,
    }


if __name__ == "__main__":
    main()
