"""Events: publishing them, their types, and who subscribes to them."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api import publishing
from api.access import AccountCaller
from api.context import AnyCaller, LogLine
from api.event_schemas import (
    EventAccepted,
    EventBatchAccepted,
    EventBatchIn,
    EventIn,
    EventOut,
    EventTypeList,
    EventTypeOut,
    SubscriptionsOut,
)
from api.fields import AccountId, PathId
from api.found_events import found_event
from api.problems import field_problem
from api.routing import Routes
from webhooks.errors import NotFound
from webhooks.event_types import EVENT_TYPES, EXAMPLE_TIME
from webhooks.rate_limits import rate_limits
from webhooks.subscription_changes import subscription_changes
from webhooks.tables import delivery_log

routes = Routes()
_NO_EVENT = (
    "there is no such event: it was not published for this account, it was rejected, no enabled webhook subscribed to it "
    "(such events are not stored), or it is older than the delivery log"
)


@routes.add(
    "POST",
    "/v1/events",
    "publishEvent",
    "Publish an event",
    role="platform",
    tag="Events",
    body="required",
    success=202,
    refusals=[409, 503],
)
def publish(event: Annotated[EventIn, Body()], line: LogLine) -> EventAccepted:
    """
    The event is sent to every webhook of the account that subscribes to it and is not disabled. Publishing it again under
    its `id` is accepted and sends nothing twice; another event under the same `id` is refused with 409 once the first is
    stored.
    """
    checked = publishing.checked(event)
    if event.id is not None:
        publishing.refuse_other_data(checked, delivery_log().event(event.account_id, event.id))
    publishing.publish(checked)
    line.update(account_id=event.account_id, event_id=checked["id"], event=event.event)
    return EventAccepted(id=checked["id"])


@routes.add(
    "POST",
    "/v1/events/batch",
    "publishEvents",
    "Publish up to 100 events",
    role="platform",
    tag="Events",
    body="required",
    max_kib=1024,
    success=202,
    refusals=[503],
)
def publish_batch(batch: Annotated[EventBatchIn, Body()], line: LogLine) -> EventBatchAccepted:
    """
    All are accepted or, if one of them is invalid, none. After a 503, some may have been accepted: repeat the call. What had
    an `id` is still delivered only once.
    """
    checked = publishing.checked_all(batch.events)
    publishing.publish_all(checked)
    ids = [event["id"] for event in checked]
    line |= {"event_ids": ids} if len(ids) > 1 else {"event_id": ids[0]}
    return EventBatchAccepted(ids=ids)


@routes.add("GET", "/v1/events/<event_id>", "getEvent", "Find an event", role="any", tag="Events", refusals=[429])
def get(caller: AnyCaller, event_id: PathId, account_id: Annotated[AccountId | None, Query()] = None) -> EventOut:
    """
    What was published, and what became of it at each of the account's webhooks. With a platform key, `account_id` is
    required.
    """
    if isinstance(caller, AccountCaller):
        if account_id not in (None, caller.account_id):
            raise NotFound(_NO_EVENT)
        account_id = caller.account_id
        rate_limits().consume_listing(account_id)
    if account_id is None:
        raise field_problem("account_id", "is required with a platform key")
    event = delivery_log().event(account_id, event_id)
    if event is None:
        raise NotFound(_NO_EVENT)
    return found_event(event)


@routes.add("GET", "/v1/event-types", "listEventTypes", "List the event types", role="any", tag="Events")
def event_types() -> EventTypeList:
    """`example` is a complete payload; `schema` describes its `data`."""
    from webhooks.event_models import data_schema  # only this call needs the models

    return EventTypeList(
        data=[
            EventTypeOut(
                name=known.name,
                description=known.description,
                schema_=data_schema(known),
                example={"event": known.name, "timestamp": EXAMPLE_TIME, "data": dict(known.example)},
            )
            for known in EVENT_TYPES.values()
        ]
    )


@routes.add(
    "GET",
    "/v1/subscriptions",
    "getSubscriptions",
    "Read which events an account subscribes to",
    role="platform",
    tag="Events",
)
def subscriptions(account_id: Annotated[AccountId, Query()]) -> SubscriptionsOut:
    """
    An event of another type is sent to nobody, so it need not be published. `account.subscriptions_changed` on the bus says
    when this changes.
    """
    read = subscription_changes().read(account_id)
    return SubscriptionsOut(account_id=account_id, version=read.version, events=read.events)
