"""An account's webhooks."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from api import cursors
from api.access import Caller, config_table
from api.documentation import described
from api.fields import Cursor, PathId
from api.preconditions import LIST_OR_ANY, changed_meanwhile, check_match, etag
from api.webhook_schemas import (
    RotateIn,
    SecretOut,
    SecretRotated,
    WebhookCreated,
    WebhookIn,
    WebhookOut,
    WebhookPage,
    WebhookPatch,
)
from webhooks import signals
from webhooks.addresses import check_resolves_public, normalise_url
from webhooks.clients import client
from webhooks.errors import Conflict
from webhooks.models import Webhook, new_id, now, rfc3339
from webhooks.signing import new_secret

router = APIGatewayHttpRouter()
_LOCAL = os.environ.get("LOCAL_ALLOW_LOOPBACK") == "1"
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that was read: 412 if there was an edit since.",
        json_schema_extra={"pattern": LIST_OR_ANY, "examples": ['"3"']},
    ),
]


@router.post("/v1/webhooks", **described("createWebhook", "Create a webhook", 201, 400, 401, 403, 409, 415, 422))
def create(webhook: Annotated[WebhookIn, Body()]) -> Response[WebhookCreated]:
    """The answer carries the secret. An account may have 100 webhooks; 409 says that it has."""
    at = rfc3339(now())
    created = Webhook(
        id=new_id("wh"),
        account_id=_caller_account(),
        name=webhook.name,
        url=_checked(webhook.url),
        events=list(webhook.events),
        headers=webhook.headers,
        status="active",
        secret=new_secret(),
        created_at=at,
        updated_at=at,
    )
    config_table().create_webhook(created, most=int(os.environ["MAX_WEBHOOKS"]))
    headers = {"Location": f"/v1/webhooks/{created.id}", "ETag": etag(created)}
    return Response(201, "application/json", WebhookCreated.of(created), headers=headers)


@router.get("/v1/webhooks", **described("listWebhooks", "List webhooks", 200, 400, 401, 403, 422))
def list_(
    limit: Annotated[int, Query(ge=1, le=100)] = 100, cursor: Annotated[Cursor | None, Query()] = None
) -> WebhookPage:
    """In no particular order; call again with `next_cursor` until it is null."""
    page, after = config_table().webhooks(_caller_account(), limit=limit, after=cursors.decode(cursor, cursors.ID))
    return WebhookPage(data=[WebhookOut.of(webhook) for webhook in page], next_cursor=cursors.encode(after))


@router.get("/v1/webhooks/<webhook_id>", **described("getWebhook", "Read a webhook", 200, 401, 403, 404))
def get(webhook_id: PathId) -> Response[WebhookOut]:
    """With its status: `active`, `failing` since when and why, or `disabled`. The `ETag` is for `If-Match`."""
    return _shown(_webhook())


@router.patch(
    "/v1/webhooks/<webhook_id>",
    **described("updateWebhook", "Change a webhook", 200, 400, 401, 403, 404, 412, 415, 422),
)
def patch(
    webhook_id: PathId, changes: Annotated[WebhookPatch, Body()], if_match: IfMatch = None
) -> Response[WebhookOut]:
    """
    Only the fields that are given. `enabled: false` stops deliveries and cancels retries; `true` makes it active.

    With `If-Match`, only if nobody else edited it since it was read; a status that changes by itself is no edit.
    """
    given: dict[str, Any] = changes.model_dump(exclude_unset=True)
    webhook = _webhook()
    if given.get("enabled") is False and webhook.status == "disabled":
        _tell_disabled(webhook)  # should the telling have failed before, the call that is repeated makes it good
    version = check_match(if_match, webhook)
    if not given:
        return _shown(webhook)
    if "url" in given:
        given["url"] = _checked(given["url"])
    given["updated_at"] = rfc3339(now())
    if "enabled" in given:
        given |= _switched(webhook, enabled=given.pop("enabled"), at=given["updated_at"])
    try:
        unchanged = {"version": version} if version else {}
        edited = config_table().edit_webhook(_caller_account(), webhook_id, given, unchanged=unchanged)
    except Conflict:
        raise changed_meanwhile() from None
    if edited.status == "disabled" and webhook.status != "disabled":
        _tell_disabled(edited)
    return _shown(edited)


@router.delete(
    "/v1/webhooks/<webhook_id>",
    **described("deleteWebhook", "Delete a webhook", 204, 400, 401, 403, 404, 412),
)
def delete(webhook_id: PathId, if_match: IfMatch = None) -> Response[None]:
    """Deliveries under way end as `cancelled`."""
    version = check_match(if_match, _webhook())
    try:
        config_table().delete_webhook(_caller_account(), webhook_id, version=version)
    except Conflict:
        raise changed_meanwhile() from None
    return Response(204)


@router.get("/v1/webhooks/<webhook_id>/secret", **described("getSecret", "Read the secret", 200, 401, 403, 404))
def secret(webhook_id: PathId) -> SecretOut:
    """It verifies `X-Webhook-Signature` and the Standard Webhooks headers."""
    return SecretOut(secret=_webhook().secret)


@router.post(
    "/v1/webhooks/<webhook_id>/secret/rotate",
    **described("rotateSecret", "Rotate the secret", 200, 400, 401, 403, 404, 409, 415, 422),
)
def rotate(webhook_id: PathId, request: Annotated[RotateIn, Body()]) -> SecretRotated:
    """
    While they overlap, `webhook-signature` carries a signature of each; `X-Webhook-Signature` has room for one and
    changes at once. A secret that an earlier rotation left overlapping ends now.
    """
    at, new = now(), new_secret()
    expires = rfc3339(at + timedelta(seconds=request.overlap_seconds)) if request.overlap_seconds else None
    config_table().rotate_secret(_webhook(), new, previous_expires_at=expires, at=rfc3339(at))
    return SecretRotated(secret=new, previous_expires_at=expires)


def _switched(webhook: Webhook, *, enabled: bool, at: str) -> dict[str, Any]:
    """A webhook that is disabled already keeps the time when it was: that makes the signal's id."""
    status = "active" if enabled else "disabled"
    disabled_at = None if enabled else (webhook.disabled_at or at)
    failing: dict[str, Any] = dict.fromkeys(("failing_since", "failing_reason", "failing_event_id"))
    return {"status": status, "disabled_at": disabled_at, **failing}


def _tell_disabled(webhook: Webhook) -> None:
    signals.tell(client("events"), os.environ["EVENT_BUS_NAME"], "webhook.disabled", webhook)


def _shown(webhook: Webhook) -> Response[WebhookOut]:
    return Response(200, "application/json", WebhookOut.of(webhook), headers={"ETag": etag(webhook)})


def _checked(url: str) -> str:
    """Raises UrlRefused. What a name resolves to is judged again at every attempt."""
    normal = normalise_url(url, allow_loopback=_LOCAL)
    check_resolves_public(normal, allow_loopback=_LOCAL)
    return normal


def _caller() -> Caller:
    caller: Caller = router.context["caller"]
    return caller


def _caller_account() -> str:
    key = _caller().key
    assert key is not None
    assert key.account_id is not None
    return key.account_id


def _webhook() -> Webhook:
    webhook = _caller().webhook
    assert webhook is not None
    return webhook
