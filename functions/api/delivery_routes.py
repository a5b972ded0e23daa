"""The delivery log of a webhook, test events, retries and recovery."""

from collections.abc import Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api import cursors, recovery, retries, test_events
from api.context import LogLine, Owner
from api.delivery_schemas import (
    DeliveryDetail,
    DeliveryOut,
    DeliveryPage,
    LoggedDelivery,
    Recovered,
    RecoverIn,
    TestAccepted,
    TestIn,
)
from api.fields import Cursor, EventName, GivenTime, PathId, given_time
from api.routing import Routes
from api.tables import rate_limits, recent_requests
from webhooks.catch_up import CatchUp
from webhooks.deliveries import Delivery, DeliveryStatus
from webhooks.errors import NotFound
from webhooks.messages import COPY_DELAY_SECONDS
from webhooks.models import Webhook
from webhooks.stored_events import StoredEvent
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
    event, delivery = _event_and_delivery(caller, event_id)
    return DeliveryDetail.with_request(delivery, event.body, caller.webhook, _catch_up(caller.webhook, [delivery]))


@routes.add(
    "POST",
    "/v1/webhooks/<webhook_id>/test",
    "testDelivery",
    "Send a test event",
    role="account",
    tag="Deliveries",
    body="required",
    success=202,
    refusals=[409, 429, 503],
)
def test(caller: Owner, webhook_id: PathId, request: Annotated[TestIn, Body()], line: LogLine) -> TestAccepted:
    """Sends the example of an event to this webhook only, through the same queue as all other events."""
    retries.refuse_disabled(caller.webhook)
    rate_limits().consume_send(caller.webhook)
    event_id = test_events.send_test(delivery_log(), caller.webhook, request.event)
    line.update(webhook_id=webhook_id, event_id=event_id)
    return TestAccepted(event_id=event_id)


@routes.add(
    "POST",
    "/v1/webhooks/<webhook_id>/deliveries/<event_id>/retry",
    "retryDelivery",
    "Retry a delivery",
    role="account",
    tag="Deliveries",
    success=202,
    refusals=[409, 429, 503],
)
def retry(caller: Owner, webhook_id: PathId, event_id: PathId, line: LogLine) -> DeliveryOut:
    """
    Starts a new round of attempts for a delivery that is delivered, failed or cancelled, or to which nothing has happened
    for three hours after its next attempt was due. Old attempts stay in the log.
    """
    line.update(webhook_id=webhook_id, event_id=event_id)
    event, delivery = _event_and_delivery(caller, event_id)
    retries.check_retry(caller.webhook, delivery)
    rate_limits().consume_send(caller.webhook)
    # After a double click, the first call's message may be under way.
    request = f"retry#{webhook_id}#{event_id}#{delivery.round + 1}"
    twice = recent_requests().seen_recently(caller.account_id, request)
    delay_seconds = COPY_DELAY_SECONDS if twice else 0
    again = retries.retry(delivery_log(), caller.webhook, event, delivery, delay_seconds=delay_seconds)
    return DeliveryOut.of(again)


@routes.add(
    "POST",
    "/v1/webhooks/<webhook_id>/recover",
    "recoverDeliveries",
    "Recover failed deliveries",
    role="account",
    tag="Deliveries",
    body="required",
    success=202,
    refusals=[409, 429, 503],
)
def recover(caller: Owner, webhook_id: PathId, request: Annotated[RecoverIn, Body()]) -> Recovered:
    """
    Retries up to 100 deliveries of events accepted since a time: those that failed, and those to which nothing has happened
    for three hours after their next attempt was due. Repeat the call with the same `since`, and with `cursor`
    set to `next_cursor`, until that is null. A call that was interrupted can safely be repeated.
    """
    after = cursors.decode(request.cursor, cursors.RECOVERY)
    enqueued, more = recovery.recover(
        delivery_log(), rate_limits(), recent_requests(), caller.webhook, request.since, after
    )
    return Recovered(enqueued=enqueued, next_cursor=cursors.encode(more))


def _catch_up(webhook: Webhook, deliveries: Sequence[Delivery]) -> CatchUp | None:
    """Read only where it can say something of one of these deliveries."""
    failed = any(delivery.status == "failed" for delivery in deliveries)
    return catch_ups().read(webhook.id) if failed and webhook.catch_up else None


def _event_and_delivery(caller: Owner, event_id: str) -> tuple[StoredEvent, Delivery]:
    event = delivery_log().event(caller.account_id, event_id)
    delivery = event and delivery_log().delivery(caller.webhook.id, event.accepted_at, event_id)
    if not event or not delivery:
        raise NotFound("there is no such delivery")
    return event, delivery
