"""What the calls about the delivery log give."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from api.fields import Cursor, EventName, GivenTime, In, Out, Time
from webhooks.models import Attempt, Delivery, DeliveryStatus, now, rfc3339
from webhooks.payload import read_time


class AttemptOut(Out):
    number: int = Field(description="Within its round, from 1.")
    round: int
    at: Time
    duration_ms: int
    status_code: int | None
    error: str | None = Field(
        examples=["answered 204, expected 200"], description="What to mend, in words; null for a delivered one."
    )
    response_body: str | None = Field(description="Its first KiB.")

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOut:
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class DeliveryOut(Out):
    event_id: str
    event: str
    test: bool
    status: DeliveryStatus
    accepted_at: Time
    next_attempt_at: Time | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        return cls(**_logged(delivery))


class DeliveryDetail(DeliveryOut):
    payload: dict[str, Any]

    @classmethod
    def with_body(cls, delivery: Delivery, body: str) -> DeliveryDetail:
        return cls(**_logged(delivery), payload=json.loads(body))


class TestIn(In):
    event: EventName = Field(description="Its example is sent, whether or not the webhook subscribes to it.")


class TestAccepted(Out):
    event_id: str = Field(description="In the delivery log at once, marked as a test.")


class DeliveryPage(Out):
    data: list[DeliveryOut]
    next_cursor: str | None = Field(description="Not null: more may follow, even after a short page.")
    searched_to: Time | None = Field(
        description="Not null: the page is not full, though more may follow, because what one call reads and answers is "
        "bounded. It has looked back to this time."
    )


def _since(text: str) -> str:
    at = read_time(text)
    if at > now():
        raise ValueError("lies in the future")
    return rfc3339(at)


class RecoverIn(In):
    since: Annotated[GivenTime, AfterValidator(_since)] = Field(
        description="RFC 3339, not in the future; when the event was accepted, not when the delivery failed.",
    )
    cursor: Cursor | None = None


class Recovered(Out):
    enqueued: int = Field(description="Deliveries that this call sent once more.", examples=[100])
    next_cursor: str | None = Field(description="Null: there are no more.")


def _logged(delivery: Delivery) -> dict[str, Any]:
    shown = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    return shown | {"attempts": [AttemptOut.of(attempt) for attempt in delivery.attempts]}
