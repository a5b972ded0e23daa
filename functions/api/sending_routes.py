"""What an account sends to one of its webhooks: test events, retries and recovered deliveries."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from api import cursors, recovery, retries, test_events
from api.context import LogLine, Owner
from api.delivery_schemas import DeliveryOut, Recovered, RecoverIn, TestAccepted, TestIn
from api.fields import PathId
from api.routing import Routes
from webhooks.deduplication import recent_requests
from webhooks.messages import COPY_DELAY_SECONDS
from webhooks.rate_limits import rate_limits
from webhooks.tables import delivery_log

routes = Routes()


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
    event, delivery = delivery_log().event_and_delivery(caller.account_id, webhook_id, event_id)
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
