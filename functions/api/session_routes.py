"""The caller's session. Settings > Webhooks shows whose it is, and ends it at sign-out."""

from aws_lambda_powertools.event_handler import Response

from api.context import AnyCaller
from api.platform_schemas import SessionOut
from api.routing import Routes
from webhooks.errors import Conflict
from webhooks.key_table import key_table

routes = Routes()


@routes.add("GET", "/v1/session", "getSession", "Read the session", role="any", tag="Portal")
def get(caller: AnyCaller) -> SessionOut:
    """Returns the account, role and expiry of the key that makes the call."""
    return SessionOut.of(caller.key)


@routes.add(
    "DELETE", "/v1/session", "endSession", "End the session", role="any", tag="Portal", success=204, refusals=[409]
)
def end(caller: AnyCaller) -> Response[None]:
    """Revokes the key that makes the call if it expires, like that of a portal session. Other keys are refused with 409."""
    if caller.key.expires_at is None:
        raise Conflict("this key does not expire, so it is not a session; only the platform can revoke it")
    key_table().revoke(caller.key.id)
    return Response(204)
