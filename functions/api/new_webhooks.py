"""Creates webhooks: with a URL of the customer's, or with a test address."""

from __future__ import annotations

import os

from aws_lambda_powertools.event_handler import Response

from api.preconditions import ETAG, etag
from api.webhook_schemas import WebhookCreated, WebhookIn
from webhooks.models import Webhook, new_id
from webhooks.signing import new_secret
from webhooks.subscription_changes import subscription_changes
from webhooks.tables import config_table
from webhooks.times import now, rfc3339

CREATED = {**ETAG, "Location": "The path of the webhook."}


def create_webhook(
    account_id: str, given: WebhookIn, url: str, warning: str | None = None, *, inbox: str | None = None
) -> Response[WebhookCreated]:
    """`url` is the normalised one, `warning` is about it. Raises LimitReached, NotSent."""
    at = rfc3339(now())
    created = Webhook(
        id=new_id("wh"),
        account_id=account_id,
        name=given.name,
        url=url,
        events=list(given.events),
        headers=given.headers,
        whatsapp_account_ids=list(given.whatsapp_account_ids),
        max_per_second=given.max_per_second,
        catch_up=given.catch_up,
        catch_up_hours=given.catch_up_hours,
        status="active",
        secret=new_secret(),
        created_at=at,
        updated_at=at,
        inbox=inbox,
    )
    with subscription_changes().changing(account_id, adds=created.events):
        config_table().create_webhook(created, limit=int(os.environ["MAX_WEBHOOKS"]))
    headers = {"Location": f"/v1/webhooks/{created.id}", "ETag": etag(created)}
    return Response(201, "application/json", WebhookCreated.of(created, warning), headers=headers)
