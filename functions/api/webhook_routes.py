"""An account's webhooks."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api import cursors
from api.context import Account, Owner
from api.fields import Cursor, PathId
from api.new_webhooks import CREATED, create_webhook
from api.preconditions import ETAG, IfMatch, etag, matching
from api.routing import Routes
from api.webhook_edits import check_url, edit
from api.webhook_schemas import (
    CatchUpOut,
    WebhookCreated,
    WebhookIn,
    WebhookOut,
    WebhookPage,
    WebhookPatch,
    WebhookSaved,
)
from webhooks.subscription_changes import subscription_changes
from webhooks.tables import catch_ups, config_table, webhook_lists

routes = Routes()


@routes.add(
    "POST",
    "/v1/webhooks",
    "createWebhook",
    "Create a webhook",
    role="account",
    tag="Webhooks",
    body="required",
    success=201,
    headers=CREATED,
    refusals=[409, 503],
)
def create(caller: Account, webhook: Annotated[WebhookIn, Body()]) -> Response[WebhookCreated]:
    """The response contains the secret. When the account has reached its limit of webhooks, the call is refused with 409."""
    url, warning = check_url(webhook.url)
    return create_webhook(caller.account_id, webhook, url, warning)


@routes.add("GET", "/v1/webhooks", "listWebhooks", "List webhooks", role="account", tag="Webhooks")
def list_(
    caller: Account,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> WebhookPage:
    """The webhooks are in no particular order. Repeat the call with `cursor` set to `next_cursor` until that is null."""
    page, after = webhook_lists().page(caller.account_id, limit=limit, after=cursors.decode(cursor, cursors.ID))
    return WebhookPage(data=[WebhookOut.of(webhook) for webhook in page], next_cursor=cursors.encode(after))


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>",
    "getWebhook",
    "Read a webhook",
    role="account",
    tag="Webhooks",
    headers=ETAG,
)
def get(caller: Owner, webhook_id: PathId) -> Response[WebhookOut]:
    """`status` is `active`, `failing` or `disabled`; the `failing_…` fields are set while it is `failing`."""
    webhook = caller.webhook
    return Response(200, "application/json", WebhookOut.of(webhook), headers={"ETag": etag(webhook)})


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>/catch-up",
    "getCatchUp",
    "Read the progress of catching up",
    role="account",
    tag="Deliveries",
)
def catch_up(caller: Owner, webhook_id: PathId) -> CatchUpOut:
    """What failed in the last outage of a webhook with `catch_up`, and how much of it was sent again."""
    return CatchUpOut.of(catch_ups().read(caller.webhook.id))


@routes.add(
    "PATCH",
    "/v1/webhooks/<webhook_id>",
    "updateWebhook",
    "Change a webhook",
    role="account",
    tag="Webhooks",
    body="required",
    headers=ETAG,
    refusals=[409, 412, 429, 503],
)
def patch(
    caller: Owner, webhook_id: PathId, changes: Annotated[WebhookPatch, Body()], if_match: IfMatch = None
) -> Response[WebhookSaved]:
    """
    Changes only the fields that are given. `enabled: false` stops deliveries and cancels retries; `enabled: true` makes the
    webhook active. When the origin (host or port) of the URL changes, existing custom headers must be given again.

    With `If-Match`, the webhook is changed only if nobody has edited it since. A status that changes by itself is not an
    edit.
    """
    with matching(if_match, caller.webhook) as version:
        edited, warning = edit(caller.webhook, changes.model_dump(exclude_unset=True), version=version)
    shown = WebhookSaved.of(edited, warning)
    return Response(200, "application/json", shown, headers={"ETag": etag(edited)})


@routes.add(
    "DELETE",
    "/v1/webhooks/<webhook_id>",
    "deleteWebhook",
    "Delete a webhook",
    role="account",
    tag="Webhooks",
    success=204,
    refusals=[400, 412],
)
def delete(caller: Owner, webhook_id: PathId, if_match: IfMatch = None) -> Response[None]:
    """Pending deliveries are cancelled."""
    webhook = caller.webhook
    with matching(if_match, webhook) as version, subscription_changes().changing(caller.account_id):
        config_table().delete_webhook(caller.account_id, webhook.id, version=version, inbox=webhook.inbox)
    return Response(204)
