"""The secret of a webhook."""

from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from api.context import Owner
from api.fields import PathId
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
    refusals=[409],
)
def rotate(caller: Owner, webhook_id: PathId, request: Annotated[RotateIn, Body()]) -> SecretRotated:
    """
    Until the old secret expires, `webhook-signature` contains a signature by each of the two. `X-Webhook-Signature` contains
    only one signature, by the new secret. An older secret that has not expired yet is revoked.
    """
    at, new = now(), new_secret()
    expires = rfc3339(at + timedelta(seconds=request.overlap_seconds)) if request.overlap_seconds else None
    config_table().rotate_secret(caller.webhook, new, previous_expires_at=expires, at=rfc3339(at))
    return SecretRotated(secret=new, previous_expires_at=expires)
