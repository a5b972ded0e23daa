"""One attempt: a signed POST and the verdict on what came back."""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connectionpool import ConnectionPool

from deliver.connection import ReusedConnectionLost, VettedPool, local_stage, read_body, tls_context
from deliver.failures import AttemptFailed, of_status
from deliver.schedule import ATTEMPT_SECONDS
from webhooks import signing
from webhooks.addresses import normalise_url
from webhooks.errors import AddressRefused, UrlRefused
from webhooks.messages import DeliveryMessage
from webhooks.models import Attempt, Webhook, now, rfc3339

_BODY_KEPT = 1024
_BODY_SECONDS = 1.0


def user_agent(contact: str | None) -> str:
    """Who we are and, if the installation says so, where to complain; docs/abuse.md says the rest."""
    return f"AIsoule-Webhooks/1 (+{contact})" if contact else "AIsoule-Webhooks/1"


_USER_AGENT = user_agent(os.environ.get("CONTACT"))


def post(webhook: Webhook, message: DeliveryMessage, *, number: int) -> Attempt:
    """POSTs the message's body. Only what the endpoint did ends up as the attempt's error; our own faults are raised."""
    started, at = monotonic(), now()
    status, error, body = None, None, None
    try:
        request = _request(webhook, message, at)
        response = _send(webhook, request, started + ATTEMPT_SECONDS)
        status, error = response.status_code, of_status(response.status_code)
        took = monotonic() - started
        left = min(_BODY_SECONDS, ATTEMPT_SECONDS - took)
        body = read_body(response.raw, keep=_BODY_KEPT, seconds=left).decode(errors="replace")
    except (AttemptFailed, AddressRefused) as failed:
        took, error = monotonic() - started, str(failed)
    except UrlRefused as refused:
        took, error = monotonic() - started, f"the URL {refused}"
    return Attempt(
        number=number,
        round=message.round,
        at=rfc3339(at),
        duration_ms=ceil(took * 1000),
        status_code=status,
        error=error,
        response_body=body,
    )


class EndpointAdapter(HTTPAdapter):
    """The connections to one webhook's endpoint. Used without a Session: no cookies, redirects, netrc or environment."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=1, maxsize=10, ssl_context=tls_context())
        self.poolmanager.pool_classes_by_scheme = {"https": VettedPool}

    def get_connection_with_tls_context(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> ConnectionPool:
        pool: ConnectionPool = self.poolmanager.connection_from_url(str(request.url))
        return pool

    def cert_verify(self, *args: Any) -> None:
        """The context decides, loaded once; the default would load the authorities for every connection."""


def _send(webhook: Webhook, request: PreparedRequest, deadline: float) -> Response:
    try:
        return _send_once(_adapter(webhook.id, webhook.secret), request, deadline)
    except ReusedConnectionLost:
        # On a connection that is new for sure: the others that were kept may be as dead.
        return _send_once(EndpointAdapter(max_retries=0), request, deadline)


def _send_once(adapter: EndpointAdapter, request: PreparedRequest, deadline: float) -> Response:
    left = max(deadline - monotonic(), 0.001)
    return adapter.send(request, stream=True, timeout=(left, left))


def _request(webhook: Webhook, message: DeliveryMessage, at: datetime) -> PreparedRequest:
    """Raises UrlRefused: the URL is judged at every attempt, whatever was judged when it was saved."""
    body = message.body.encode()
    headers = webhook.headers | {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "Accept-Encoding": "identity",
        **signing.headers(webhook.signing_secrets(at), message.event_id, int(at.timestamp()), body),
    }
    request = PreparedRequest()
    request.prepare_method("POST")
    request.url = _url(webhook.url, local_stage())
    request.prepare_headers(headers)
    request.prepare_body(body, None)
    return request


@lru_cache(maxsize=256)
def _url(url: str, allow_loopback: bool) -> str:
    """As it is requested. Judged anew when it changes: what it says is the same at every attempt, where it leads is not."""
    request = PreparedRequest()
    request.prepare_url(normalise_url(url, allow_loopback=allow_loopback), None)
    assert request.url is not None
    return request.url


@lru_cache(maxsize=256)
def _adapter(webhook_id: str, secret: str) -> EndpointAdapter:
    """Connections are kept for as long as the webhook keeps its secret, and never shared between webhooks."""
    return EndpointAdapter(max_retries=0)
