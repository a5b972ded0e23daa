"""Requests and responses about events, event types and who subscribes to them."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.fields import AccountId, Code, EventId, EventName, GivenTime, In, Out, Time
from webhooks.deliveries import Delivery, DeliveryStatus
from webhooks.event_types import EVENT_TYPES

_EXAMPLE: JsonDict = {
    "account_id": "acme",
    "event": "message.incoming",
    "data": dict(EVENT_TYPES["message.incoming"].example),
}
"""Without an id: what is tried twice is then sent twice."""


class EventIn(In):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    account_id: AccountId
    event: EventName
    data: dict[str, Any] = Field(
        description="Follows the event type's schema; additional fields are passed through unchanged.",
        examples=[dict(EVENT_TYPES["message.incoming"].example)],
    )
    id: EventId | None = Field(
        default=None,
        description="1 to 64 letters, digits, hyphens or underscores. An event with the same id is delivered "
        "only once, so publishing can be repeated safely; another event needs another id. Generated if absent.",
        examples=["evt_4382c86378858451cb42692010d605d0"],
    )
    timestamp: GivenTime | None = Field(
        default=None, description="RFC 3339. Defaults to the current time.", examples=["2026-05-29T10:30:00Z"]
    )


class EventAccepted(Out):
    id: str


class EventDelivery(Out):
    webhook_id: str
    webhook_name: str
    status: DeliveryStatus
    attempts: int = Field(description="How many were made and are kept in the delivery log.")
    next_attempt_at: Time | None
    error: str | None = Field(description="Why the last attempt failed; null if it succeeded or there was none.")
    error_code: Code | None

    @classmethod
    def of(cls, delivery: Delivery, name: str) -> EventDelivery:
        last = delivery.attempts[-1] if delivery.attempts else None
        return cls(
            webhook_id=delivery.webhook_id,
            webhook_name=name,
            status=delivery.status,
            attempts=len(delivery.attempts),
            next_attempt_at=delivery.next_attempt_at,
            error=last.error if last else None,
            error_code=last.error_code if last else None,
        )


class EventOut(Out):
    id: str
    account_id: str
    event: str
    accepted_at: Time
    webhooks: int | None = Field(
        description="How many webhooks it was sent to when it was first published: those that were subscribed and not "
        "disabled. Null for events from before this was counted."
    )
    payload: dict[str, Any] = Field(description="As it is sent.")
    deliveries: list[EventDelivery] = Field(
        description="By the webhooks' names. A webhook is missing before its first attempt, and when it was deleted."
    )


class EventBatchIn(In):
    events: list[EventIn] = Field(min_length=1, max_length=100, description="May belong to different accounts.")


class EventBatchAccepted(Out):
    ids: list[str] = Field(description="In the order of the events.")


class EventTypeOut(Out):
    name: str
    description: str
    schema_: dict[str, Any] = Field(serialization_alias="schema", description="JSON Schema of `data`.")
    example: dict[str, Any] = Field(description="A complete payload.")


class EventTypeList(Out):
    data: list[EventTypeOut]
    next_cursor: str | None = None


class SubscriptionsOut(Out):
    account_id: str
    version: int = Field(description="Increases with every change; of two answers, the higher one is the newer one.")
    events: list[str] = Field(
        description="The event types with a subscriber that is not disabled.", examples=[["message.incoming"]]
    )
