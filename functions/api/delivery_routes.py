"""The delivery log of a webhook."""

from collections.abc import Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from api import cursors
from api.context import Owner
from api.delivery_schemas import DeliveryDetail, DeliveryPage, LoggedDelivery
from api.fields import Cursor, EventName, GivenTime, PathId, given_time
from api.routing import Routes
from webhooks.catch_up import CatchUp
from webhooks.deliveries import Delivery, DeliveryStatus
from webhooks.models import Webhook
from webhooks.rate_limits import rate_limits
from webhooks.tables import catch_ups, delivery_lists, delivery_log

routes = Routes()


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>/deliveries",
    "listDeliveries",
    "List deliveries",
    role="account",
    tag="Deliveries",
    refusals=[429],
)
def list_(
    caller: Owner,
    webhook_id: PathId,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    event: Annotated[EventName | None, Query()] = None,
    since: Annotated[GivenTime | None, Query()] = None,
    until: Annotated[GivenTime | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> DeliveryPage:
    """
    Newest first, of events accepted from the time `since` on and before the time `until`. One call searches at most 1,000
    deliveries and returns at most a few MB, so a page may be short although more follow; `searched_to` is then the time
    back to which it has searched. Repeat the call with `cursor` set to `next_cursor` until that is null.
    """
    after = cursors.decode(cursor, cursors.DELIVERY)
    begin, end = given_time("since", since) or "", given_time("until", until)
    rate_limits().consume_listing(caller.account_id)
    page = delivery_lists().page(
        webhook_id, limit=limit, after=after, status=status, event=event, since=begin, until=end
    )
    catch_up = _catch_up(caller.webhook, page.deliveries)
    return DeliveryPage(
        data=[LoggedDelivery.with_catch_up(catch_up, caller.webhook, delivery) for delivery in page.deliveries],
        next_cursor=cursors.encode(page.after),
        searched_to=page.searched_to,
    )


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>",
    "getDelivery",
    "Read a delivery",
    role="account",
    tag="Deliveries",
)
def get(caller: Owner, webhook_id: PathId, event_id: PathId) -> DeliveryDetail:
    """Includes the payload, and the request as it was sent."""
    event, delivery = delivery_log().event_and_delivery(caller.account_id, webhook_id, event_id)
    return DeliveryDetail.with_request(delivery, event.body, caller.webhook, _catch_up(caller.webhook, [delivery]))


def _catch_up(webhook: Webhook, deliveries: Sequence[Delivery]) -> CatchUp | None:
    """Read only where it can say something of one of these deliveries."""
    failed = any(delivery.status == "failed" for delivery in deliveries)
    return catch_ups().read(webhook.id) if failed and webhook.catch_up else None
