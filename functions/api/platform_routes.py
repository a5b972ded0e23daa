"""Calls of the platform about keys and portal sessions."""

import os
from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api import cursors
from api.context import AnyCaller
from api.erasure_routes import refuse_while_erased
from api.fields import AccountId, Cursor, PathId
from api.platform_schemas import KeyCreated, KeyIn, KeyOut, KeyPage, SessionCreated, SessionIn
from api.routing import Routes
from webhooks.errors import Conflict
from webhooks.key_table import key_table
from webhooks.times import now, rfc3339

routes = Routes()


@routes.add(
    "POST",
    "/v1/api-keys",
    "createApiKey",
    "Create an account key",
    role="platform",
    tag="API keys",
    body="required",
    success=201,
    refusals=[409],
)
def mint(request: Annotated[KeyIn, Body()]) -> KeyCreated:
    """The key has the role `account` and is shown only once. While the account is being erased, it gets none (409)."""
    refuse_while_erased(request.account_id)
    key, token = key_table().mint("account", request.account_id, label=request.label)
    return KeyCreated(id=key.id, account_id=request.account_id, label=key.label, key=token, created_at=key.created_at)


@routes.add(
    "POST",
    "/v1/portal-sessions",
    "createPortalSession",
    "Open Settings > Webhooks for an account",
    role="platform",
    tag="Portal",
    body="required",
    success=201,
    refusals=[409],
)
def open_portal(request: Annotated[SessionIn, Body()]) -> SessionCreated:
    """
    Redirect your signed-in user to `url`, or embed it. The session is an account key that expires, by default after one
    hour; it is listed with the account's other keys and can be revoked. While the account is being erased, it gets none
    (409).
    """
    refuse_while_erased(request.account_id)
    ends = now() + timedelta(seconds=request.expires_in)
    _, token = key_table().mint("account", request.account_id, expires_at=ends)
    view = f"&view={request.view}" if request.view else ""
    url = f"{os.environ['PUBLIC_URL']}/settings/webhooks#token={token}{view}"
    return SessionCreated(url=url, token=token, expires_at=rfc3339(ends))


@routes.add("GET", "/v1/api-keys", "listApiKeys", "List an account's keys", role="platform", tag="API keys")
def list_keys(
    account_id: Annotated[AccountId, Query()],
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> KeyPage:
    """
    Each key with its label and when it was last used, without its secret part. A page may be short although more follow:
    repeat the call with `cursor` set to `next_cursor` until that is null.
    """
    page, after = key_table().of_account(account_id, now(), limit=limit, after=cursors.decode(cursor, cursors.ID))
    return KeyPage(data=[KeyOut.of(key) for key in page], next_cursor=cursors.encode(after))


@routes.add(
    "DELETE",
    "/v1/api-keys/<key_id>",
    "revokeApiKey",
    "Revoke a key",
    role="platform",
    tag="API keys",
    success=204,
    refusals=[409],
)
def revoke(caller: AnyCaller, key_id: PathId) -> Response[None]:
    """The key is refused from then on. A key cannot revoke itself (409)."""
    if caller.key.id == key_id:
        raise Conflict("a key cannot revoke itself; use another platform key")
    key_table().revoke(key_id)
    return Response(204)
