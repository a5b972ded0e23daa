"""A webhook's delivery log."""

from __future__ import annotations

import os
from functools import cache
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from api import cursors
from api.access import Caller
from api.delivery_schemas import DeliveryDetail, DeliveryOut, DeliveryPage
from api.documentation import described
from api.fields import EventName
from webhooks.clients import client
from webhooks.errors import NotFound
from webhooks.items import expires_at
from webhooks.log_table import LogTable
from webhooks.models import DeliveryStatus, now

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
    caller: Caller = router.context["caller"]
    assert caller.key is not None
    event = log_table().event(str(caller.key.account_id), event_id)
    delivery = event and log_table().delivery(webhook_id, event.accepted_at, event_id)
    if not event or not delivery or _has_expired(event.accepted_at):
        raise NotFound("there is no such delivery")
    return DeliveryDetail.with_body(delivery, event.body)


def _has_expired(accepted_at: str) -> bool:
    """DynamoDB removes what has expired some time later, up to days."""
    return expires_at(accepted_at, int(os.environ["LOG_DAYS"])) <= now().timestamp()


@cache
def log_table() -> LogTable:
    return LogTable(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))
