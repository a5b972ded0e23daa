"""A webhook's delivery log."""

from __future__ import annotations

import os
from functools import cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from api import cursors, recovering, repeating
from api.access import Caller
from api.claims import claim
from api.delivery_schemas import (
    DeliveryDetail,
    DeliveryOut,
    DeliveryPage,
    Recovered,
    RecoverIn,
    TestAccepted,
    TestIn,
)
from api.documentation import described
from api.fields import Cursor, EventName, PathId
from api.limits import charge
from webhooks.clients import client
from webhooks.errors import NotFound
from webhooks.history import History
from webhooks.items import expires_at
from webhooks.log_table import LogTable, StoredEvent
from webhooks.messages import COPY_DELAY_SECONDS
from webhooks.models import Delivery, DeliveryStatus, Webhook, now

router = APIGatewayHttpRouter()


@router.get(
    "/v1/webhooks/<webhook_id>/deliveries",
    **described("listDeliveries", "List deliveries", 200, 400, 401, 403, 404, 422),
)
def list_(
    webhook_id: PathId,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    event: Annotated[EventName | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> DeliveryPage:
    """
    Newest first. One call looks through 1,000 deliveries at most, and answers a few MB: where a page is not full for such
    a reason, `searched_to` says how far back it has looked. Go on until `next_cursor` is null.
    """
    after = cursors.decode(cursor, cursors.DELIVERY)
    page = history().page(webhook_id, limit=limit, after=after, status=status, event=event)
    return DeliveryPage(
        data=[DeliveryOut.of(delivery) for delivery in page.deliveries],
        next_cursor=cursors.encode(page.after),
        searched_to=page.searched_to,
    )


@router.get(
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>", **described("getDelivery", "Read a delivery", 200, 401, 403, 404)
)
def get(webhook_id: PathId, event_id: PathId) -> DeliveryDetail:
    """With the payload as it is POSTed."""
    event, delivery = _event_and_delivery(router.context["caller"], webhook_id, event_id)
    return DeliveryDetail.with_body(delivery, event.body)


@router.post(
    "/v1/webhooks/<webhook_id>/test",
    **described("testDelivery", "Send a test event", 202, 400, 401, 403, 404, 409, 415, 422, 429, 503),
)
def test(webhook_id: PathId, request: Annotated[TestIn, Body()]) -> Response[TestAccepted]:
    """The event's example, to this webhook alone, on the same way as every other event."""
    webhook = _webhook()
    charge(webhook.account_id, "sends")
    event_id = repeating.send_test(log_table(), webhook, request.event)
    router.context["line"].update(webhook_id=webhook_id, event_id=event_id)
    return Response(202, "application/json", TestAccepted(event_id=event_id))


@router.post(
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>/retry",
    **described("retryDelivery", "Retry a delivery", 202, 401, 403, 404, 409, 429, 503),
)
def retry(webhook_id: PathId, event_id: PathId) -> Response[DeliveryOut]:
    """A new round of attempts for a delivery that is delivered, failed or cancelled; the old attempts stay in the log."""
    router.context["line"].update(webhook_id=webhook_id, event_id=event_id)
    event, delivery = _event_and_delivery(router.context["caller"], webhook_id, event_id)
    charge(event.account_id, "sends")
    # A double click: the other call's message may be under way.
    twice = claim(event.account_id, f"retry#{webhook_id}#{event_id}#{delivery.round + 1}")
    delay_seconds = COPY_DELAY_SECONDS if twice else 0
    again = repeating.retry(log_table(), _webhook(), event, delivery, delay_seconds=delay_seconds)
    return Response(202, "application/json", DeliveryOut.of(again))


@router.post(
    "/v1/webhooks/<webhook_id>/recover",
    **described("recoverDeliveries", "Recover failed deliveries", 202, 400, 401, 403, 404, 409, 415, 422, 429, 503),
)
def recover(webhook_id: PathId, request: Annotated[RecoverIn, Body()]) -> Response[Recovered]:
    """
    Sends up to 100 failed deliveries of events accepted since then, oldest first, each in a new round of attempts.
    Call again with the same `since` and `next_cursor` until it is null. Whatever was cut off can be called again.
    """
    after = cursors.decode(request.cursor, cursors.DELIVERY)
    webhook = _webhook()
    charge(webhook.account_id, "recoveries")
    enqueued, more = recovering.recover(log_table(), history(), webhook, max(request.since, after or ""))
    return Response(202, "application/json", Recovered(enqueued=enqueued, next_cursor=cursors.encode(more)))


def _webhook() -> Webhook:
    caller: Caller = router.context["caller"]
    assert caller.webhook is not None
    return caller.webhook


def _event_and_delivery(caller: Caller, webhook_id: str, event_id: str) -> tuple[StoredEvent, Delivery]:
    assert caller.key is not None
    event = log_table().event(str(caller.key.account_id), event_id)
    delivery = event and log_table().delivery(webhook_id, event.accepted_at, event_id)
    if not event or not delivery or _has_expired(event.accepted_at):
        raise NotFound("there is no such delivery")
    return event, delivery


def _has_expired(accepted_at: str) -> bool:
    """DynamoDB removes what has expired some time later, up to days."""
    return expires_at(accepted_at, int(os.environ["LOG_DAYS"])) <= now().timestamp()


@cache
def log_table() -> LogTable:
    return LogTable(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def history() -> History:
    return History(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))
