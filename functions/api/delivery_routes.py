"""A webhook's delivery log."""

from __future__ import annotations

import os
from functools import cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from api import cursors, repeating
from api.access import Caller
from api.delivery_schemas import DeliveryDetail, DeliveryOut, DeliveryPage, TestAccepted, TestIn
from api.documentation import described
from api.fields import EventName
from webhooks.clients import client
from webhooks.errors import NotFound
from webhooks.items import expires_at
from webhooks.log_table import LogTable, StoredEvent
from webhooks.models import Delivery, DeliveryStatus, now

router = APIGatewayHttpRouter()


@router.get(
    "/v1/webhooks/<webhook_id>/deliveries",
    **described("listDeliveries", "List deliveries", 200, 400, 401, 403, 404, 422),
)
def list_(
    webhook_id: str,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    event: Annotated[EventName | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> DeliveryPage:
    """Newest first. A filtered page may be short although more follow: go on until `next_cursor` is null."""
    page, after = log_table().deliveries(
        webhook_id, limit=limit, after=cursors.decode(cursor, cursors.DELIVERY), status=status, event=event
    )
    return DeliveryPage(data=[DeliveryOut.of(delivery) for delivery in page], next_cursor=cursors.encode(after))


@router.get(
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>", **described("getDelivery", "Read a delivery", 200, 401, 403, 404)
)
def get(webhook_id: str, event_id: str) -> DeliveryDetail:
    """With the payload as it is POSTed."""
    event, delivery = _event_and_delivery(router.context["caller"], webhook_id, event_id)
    return DeliveryDetail.with_body(delivery, event.body)


@router.post(
    "/v1/webhooks/<webhook_id>/test",
    **described("testDelivery", "Send a test event", 202, 400, 401, 403, 404, 409, 415, 422, 503),
)
def test(webhook_id: str, request: Annotated[TestIn, Body()]) -> Response[TestAccepted]:
    """The event's example, to this webhook alone, on the same way as every other event."""
    caller: Caller = router.context["caller"]
    assert caller.webhook is not None
    event_id = repeating.send_test(log_table(), caller.webhook, request.event)
    return Response(202, "application/json", TestAccepted(event_id=event_id))


@router.post(
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>/retry",
    **described("retryDelivery", "Retry a delivery", 202, 401, 403, 404, 409, 503),
)
def retry(webhook_id: str, event_id: str) -> Response[DeliveryOut]:
    """A new round of attempts for a delivery that is delivered, failed or cancelled; the old attempts stay in the log."""
    caller: Caller = router.context["caller"]
    assert caller.webhook is not None
    event, delivery = _event_and_delivery(caller, webhook_id, event_id)
    again = repeating.retry(log_table(), caller.webhook, event, delivery)
    return Response(202, "application/json", DeliveryOut.of(again))


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
