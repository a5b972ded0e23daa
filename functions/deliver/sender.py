"""One attempt: a signed POST, and whether it succeeded."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import TypedDict

from requests import PreparedRequest, Response

from deliver.adapters import Adapters, EndpointAdapter
from deliver.connection import ReusedConnectionLost
from deliver.failures import AttemptFailed, of_status, timed_out
from deliver.response_body import read_body
from deliver.retry_after import seconds_asked
from deliver.schedule import ATTEMPT_SECONDS
from deliver.tls import local_stage
from webhooks.deliveries import Attempt, ErrorCode
from webhooks.errors import AddressRefused, Ipv6Only, UrlRefused
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.post_headers import post_headers
from webhooks.times import now, rfc3339
from webhooks.urls import normalise_url

_BODY_KEPT = 1024
_BODY_SECONDS = 1.0
_TARGET_KEPT = 512

adapters = Adapters()


class _Result(TypedDict, total=False):
    """What an attempt came to: these fields of `Attempt`."""

    status_code: int
    error: str | None
    error_code: ErrorCode | None
    response_body: str | None
    retry_after: int | None
    redirect_to: str | None


def post(webhook: Webhook, message: DeliveryMessage, *, number: int) -> Attempt:
    """POSTs the message's body. Only what the endpoint did becomes the attempt's error; faults on our side are raised."""
    started, at = monotonic(), now()
    try:
        request = signed_request(webhook, message, at)
        response = _send(webhook, request, started + ATTEMPT_SECONDS)
        took = monotonic() - started
        if took > ATTEMPT_SECONDS:
            response.close()
            raise timed_out()
        result = _answer(response)
    except (AttemptFailed, UrlRefused) as failed:
        took, result = monotonic() - started, _no_answer(_failure(failed))
    return Attempt(number=number, round=message.round, at=rfc3339(at), duration_ms=ceil(took * 1000), **result)


def _answer(response: Response) -> _Result:
    status, headers = response.status_code, response.raw.headers
    failure = of_status(status)
    return {
        "status_code": status,
        "error": str(failure) if failure else None,
        "error_code": failure.code if failure else None,
        "retry_after": seconds_asked(status, headers.get("Retry-After"), now()),
        "redirect_to": headers.get("Location", "")[:_TARGET_KEPT] or None if 300 <= status < 400 else None,
        "response_body": read_body(response.raw, keep=_BODY_KEPT, seconds=_BODY_SECONDS).decode(errors="replace"),
    }


def _no_answer(failure: AttemptFailed) -> _Result:
    received = failure.received and failure.received[:_BODY_KEPT]
    return {"error": str(failure), "error_code": failure.code, "response_body": received}


def _failure(failed: AttemptFailed | UrlRefused) -> AttemptFailed:
    match failed:
        case AttemptFailed():
            return failed
        case AddressRefused():
            return AttemptFailed("address_not_public", str(failed))
        case Ipv6Only():
            return AttemptFailed("address_ipv6_only", f"the host {failed}")
        case _:
            return AttemptFailed("url_not_allowed", f"the URL {failed}")


def _send(webhook: Webhook, request: PreparedRequest, deadline: float) -> Response:
    try:
        return _send_once(adapters.of(webhook), request, deadline)
    except ReusedConnectionLost:
        # On a new connection: the other kept ones may be as dead.
        return _send_once(EndpointAdapter(), request, deadline)


def _send_once(adapter: EndpointAdapter, request: PreparedRequest, deadline: float) -> Response:
    left = max(deadline - monotonic(), 0.001)
    return adapter.send(request, timeout=(left, left))


def signed_request(webhook: Webhook, message: DeliveryMessage, at: datetime) -> PreparedRequest:
    """Raises UrlRefused: the URL is checked at every attempt, whatever was checked when it was saved."""
    body = message.body.encode()
    headers = post_headers(webhook, message.event_id, body, at, test=message.test)
    request = PreparedRequest()
    request.method = "POST"
    request.url = _url(webhook.url, local_stage())
    request.prepare_headers(headers)
    request.prepare_body(body, None)
    return request


@lru_cache(maxsize=256)
def _url(url: str, allow_loopback: bool) -> str:
    """The URL as it is requested. Cached: parsing is deterministic; DNS is checked at each attempt."""
    request = PreparedRequest()
    request.prepare_url(normalise_url(url, allow_loopback=allow_loopback), None)
    assert request.url is not None
    return request.url
