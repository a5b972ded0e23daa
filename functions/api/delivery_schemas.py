"""Requests and responses about deliveries."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.fields import Code, Cursor, EventName, GivenTime, In, Out, Time
from api.header_fields import masked
from webhooks.catch_up import CatchUp, SentAgain
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.models import Webhook
from webhooks.payload import read_time
from webhooks.post_headers import post_headers
from webhooks.times import now, parse_time, rfc3339


class AttemptOut(Out):
    number: int = Field(description="Counted within the round, from 1.")
    round: int
    at: Time
    duration_ms: int
    status_code: int | None
    error: str | None = Field(
        examples=["answered 204, expected 200"], description="Why the attempt failed; null if it succeeded."
    )
    error_code: Code | None
    response_body: str | None = Field(description="The first KiB.")
    redirect_to: str | None = Field(
        description="Where a redirect leads, as the server wrote it, at most 512 characters; null if there was none. "
        "Redirects are not followed."
    )

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


class LoggedDelivery(DeliveryOut):
    catch_up: SentAgain | None = Field(
        description="Of a delivery that failed in an outage, on a webhook with `catch_up`: `waiting` to be sent again when "
        "the endpoint works. It is not sent again automatically if that was `given_up`, after 3 days or at the twelfth "
        "outage in a row, or `stopped`, or if it was `too_old` (`catch_up_hours`)."
    )

    @classmethod
    def with_catch_up(cls, catch_up: CatchUp | None, webhook: Webhook, delivery: Delivery) -> LoggedDelivery:
        return cls(**_logged(delivery), catch_up=_sent_again(catch_up, webhook, delivery))


class SentRequest(Out):
    """The request of the last attempt. If the webhook was edited since, URL, headers and signatures are the current ones."""

    method: Literal["POST"] = "POST"
    url: str
    headers: dict[str, str] = Field(description="The values of custom headers are secret and shown masked.")
    body: str = Field(description="Exactly what was signed and sent.")
    edited_since: bool = Field(description="Whether the webhook was edited since the attempt.")

    @classmethod
    def of(cls, delivery: Delivery, body: str, webhook: Webhook) -> SentRequest:
        at = delivery.attempts[-1].at
        headers = post_headers(webhook, delivery.event_id, body.encode(), parse_time(at), test=delivery.test)
        return cls(
            url=webhook.url,
            headers=headers | masked(webhook.headers),
            body=body,
            edited_since=webhook.updated_at > at,
        )


class DeliveryDetail(LoggedDelivery):
    payload: dict[str, Any]
    request: SentRequest | None = Field(description="Null before the first attempt.")

    @classmethod
    def with_request(cls, delivery: Delivery, body: str, webhook: Webhook, catch_up: CatchUp | None) -> DeliveryDetail:
        request = SentRequest.of(delivery, body, webhook) if delivery.attempts else None
        again = _sent_again(catch_up, webhook, delivery)
        return cls(**_logged(delivery), catch_up=again, payload=json.loads(body), request=request)


class TestIn(In):
    event: EventName = Field(
        description="The example of this event is sent, even if the webhook does not subscribe to it."
    )


class TestAccepted(Out):
    event_id: str = Field(description="The id of the test event, which is in the delivery log at once.")


class DeliveryPage(Out):
    data: list[LoggedDelivery]
    next_cursor: str | None = Field(description="Null on the last page. A page may be short although more follow.")
    searched_to: Time | None = Field(
        description="Set if the page is short although more may follow, because one call reads and returns a limited "
        "amount of data: deliveries back to this time have been searched."
    )


def _since(text: str) -> str:
    at = read_time(text)
    if at > now():
        raise ValueError("must not be in the future")
    return rfc3339(at)


class RecoverIn(In):
    since: Annotated[GivenTime, AfterValidator(_since)] = Field(
        description="RFC 3339, not in the future. Compared with the time when the event was accepted, not with that of "
        "the failure.",
    )
    cursor: Cursor | None = None


class Recovered(Out):
    enqueued: int = Field(description="Deliveries that this call has queued.", examples=[100])
    next_cursor: str | None = Field(description="Null on the last page.")


def _sent_again(catch_up: CatchUp | None, webhook: Webhook, delivery: Delivery) -> SentAgain | None:
    return catch_up.sends_again(delivery, hours=webhook.catch_up_hours) if catch_up else None


def _logged(delivery: Delivery) -> dict[str, Any]:
    shown = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    return shown | {"attempts": [AttemptOut.of(attempt) for attempt in delivery.attempts]}
