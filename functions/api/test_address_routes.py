"""Test addresses: webhooks that point at an inbox of ours, and what it has received."""

import os
import secrets
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api import cursors
from api.context import Account, Owner
from api.fields import Cursor, PathId
from api.new_webhooks import CREATED, create_webhook
from api.routing import Routes
from api.test_address_schemas import ReceivedRequestOut, ReceivedRequestPage, TestAddressIn
from api.webhook_schemas import WebhookCreated, WebhookIn
from webhooks.inboxes import inboxes
from webhooks.models import token_sha256
from webhooks.rate_limits import rate_limits

routes = Routes()
MAX_PAGE = 20
"""Requests of 64 KiB and their headers: even if each character has to be escaped twice, less than the 6 MB of an answer."""


@routes.add(
    "POST",
    "/v1/test-addresses",
    "createTestAddress",
    "Get a test address",
    role="account",
    tag="Test addresses",
    body="optional",
    success=201,
    headers=CREATED,
    refusals=[409, 503],
)
def create(caller: Account, address: Annotated[TestAddressIn, Body()]) -> Response[WebhookCreated]:
    """
    Creates a webhook whose URL is an inbox of this service: `GET …/requests` shows what arrives there. It accepts only
    requests with a valid `webhook-signature` of this webhook. Otherwise the webhook is like any other, and counts as one.
    """
    token = secrets.token_urlsafe(32)
    base = os.environ.get("LOCAL_TLS_URL") or os.environ["PUBLIC_URL"]
    url = f"{base}/in/{token}"
    webhook = WebhookIn(name=address.name, url=url, events=address.events)
    return create_webhook(caller.account_id, webhook, url, inbox=token_sha256(token))


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>/requests",
    "listReceivedRequests",
    "List what a test address has received",
    role="account",
    tag="Test addresses",
    refusals=[429],
)
def list_(
    caller: Owner,
    webhook_id: PathId,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> ReceivedRequestPage:
    """
    Newest first: of the last 100 requests those of the last 24 hours, and with `after` only those with a higher `number`.
    Repeat the call with `cursor` set to `next_cursor` until that is null. Of requests that arrive at the same moment, a
    lower number may appear after a higher one.
    """
    place = cursors.decode(cursor, cursors.NUMBER)
    page, more = inboxes().newest(caller.webhook, after=after, before=int(place) if place else None, limit=limit)
    if page:  # asking again and again whether something has come costs little
        rate_limits().consume_listing(caller.account_id)
    data = [ReceivedRequestOut.of(request) for request in page]
    return ReceivedRequestPage(data=data, next_cursor=cursors.encode(str(more) if more else None))
