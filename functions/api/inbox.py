"""
`POST /in/<token>`: where webhooks with a test address are delivered to.

Open to all, but no relay and no store for strangers: it keeps only what has a valid signature of the address's own webhook,
and sends nothing anywhere. It puts nothing on the bus, so that no delivery can cause another one.
"""

import base64
import re
from collections.abc import Mapping

from aws_lambda_powertools.event_handler import Request, Response

from api.context import LogLine
from api.header_fields import RESERVED_HEADERS, header_identity, masked
from api.problems import Problem
from api.routing import Routes
from webhooks.inboxes import inboxes
from webhooks.models import token_sha256
from webhooks.payload import MAX_BODY_BYTES
from webhooks.signing import verified_headers
from webhooks.tables import config_table
from webhooks.times import now

routes = Routes()
_NOT_SENT = re.compile(r"host|connection|via|forwarded|x-forwarded-.*|x-amzn-.*")
"""Headers that are not the sender's: of the connection, or added by API Gateway."""


@routes.add("POST", "/in/<token>", role="open")
def receive(request: Request, line: LogLine, token: str) -> Response[str]:
    account_id, webhook_id = inboxes().owner(token_sha256(token))
    line.update(account_id=account_id, webhook_id=webhook_id)
    body = _body(request)
    webhook = config_table().webhook(account_id, webhook_id)
    at = now()
    verified = verified_headers(webhook.signing_secrets(at), request.headers, body, int(at.timestamp()))
    if "webhook-signature" not in verified:
        raise Problem(
            401,
            "webhook-signature is not a valid signature of this webhook, or its webhook-timestamp is five minutes off",
            headers={"WWW-Authenticate": 'Signature realm="webhook-signature"'},
        )
    number = inboxes().store(webhook, _as_sent(request.headers), body, verified)
    return Response(200, "text/plain", f"received as request {number}")


def _body(request: Request) -> bytes:
    """Raises Problem 413."""
    event = request.resolved_event
    text = event.body or ""
    body = base64.b64decode(text) if event.is_base64_encoded else text.encode(errors="replace")
    if len(body) > MAX_BODY_BYTES:
        raise Problem(413, f"the body has {len(body)} bytes; the limit is {MAX_BODY_BYTES} bytes")
    return body


def _as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    """
    Without values that may be secrets of the customer's own server: of all names that a webhook's own headers can have,
    as one that was removed while the attempt was under way is still sent.
    """
    sent = {name.lower(): value for name, value in headers.items() if not _NOT_SENT.fullmatch(name.lower())}
    return sent | masked(
        {name: value for name, value in sent.items() if not RESERVED_HEADERS.fullmatch(header_identity(name))}
    )
