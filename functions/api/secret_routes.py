"""The secret of a webhook."""

from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from api.context import Owner
from api.fields import PathId
from api.preconditions import ETAG, IfMatch, etag, matching
from api.routing import Routes
from api.secret_schemas import RotateIn, SecretOut, SecretRotated, overlap_end
from webhooks.signing import new_secret
from webhooks.tables import config_table
from webhooks.times import now, rfc3339

routes = Routes()


@routes.add("GET", "/v1/webhooks/<webhook_id>/secret", "getSecret", "Read the secret", role="account", tag="Webhooks")
def secret(caller: Owner, webhook_id: PathId) -> SecretOut:
    """The secret verifies `X-Webhook-Signature` and the Standard Webhooks headers."""
    return SecretOut(secret=caller.webhook.secret, previous_expires_at=overlap_end(caller.webhook))


@routes.add(
    "POST",
    "/v1/webhooks/<webhook_id>/secret/rotate",
    "rotateSecret",
    "Rotate the secret",
    role="account",
    tag="Webhooks",
    body="optional",
    headers=ETAG,
    refusals=[409, 412],
)
def rotate(
    caller: Owner, webhook_id: PathId, request: Annotated[RotateIn, Body()], if_match: IfMatch = None
) -> Response[SecretRotated]:
    """
    Until the old secret expires, `webhook-signature` contains a signature by each of the two. `X-Webhook-Signature` contains
    only one signature, by the new secret. An older secret that has not expired yet is revoked.

    A rotation is an edit. If its response was lost, read the new secret by `GET …/secret`: repeating the call would rotate
    again and revoke the secret that your server has. With `If-Match`, the repeated call is refused with 412 instead.
    """
    at, new = now(), new_secret()
    expires = rfc3339(at + timedelta(seconds=request.overlap_seconds)) if request.overlap_seconds else None
    with matching(if_match, caller.webhook) as version:
        rotated = config_table().rotate_secret(
            caller.webhook, new, previous_expires_at=expires, at=rfc3339(at), version=version
        )
    shown = SecretRotated(secret=new, previous_expires_at=expires)
    return Response(200, "application/json", shown, headers={"ETag": etag(rotated)})
