"""Requests and responses about test addresses."""

from __future__ import annotations

import base64
from typing import get_args

from pydantic import Field

from api.fields import EventName, In, Out, Time
from api.text_fields import Name
from api.webhook_fields import Events
from webhooks.inboxes import ReceivedRequest


class TestAddressIn(In):
    name: Name = Field(default_factory=lambda: "Test address", description="`Test address` if it is not given.")
    events: Events = Field(
        default_factory=lambda: list(get_args(EventName)), description="All events if they are not given."
    )


class ReceivedRequestOut(Out):
    number: int = Field(description="Counts what the address has received: 1 is its first request.", examples=[1])
    received_at: Time
    headers: dict[str, str] = Field(
        description="Names in lower case, as they arrived. The values of the webhook's own headers are secret and shown "
        "masked."
    )
    body: str = Field(description="Exactly as it was sent.")
    is_base64_encoded: bool = Field(description="Whether `body` is in base64, because its bytes are no readable UTF-8.")
    verified: list[str] = Field(
        description="The signature headers that verified by a secret of the webhook: `webhook-signature`, or nothing is "
        "stored, and `X-Webhook-Signature`.",
        examples=[["webhook-signature", "X-Webhook-Signature"]],
    )

    @classmethod
    def of(cls, request: ReceivedRequest) -> ReceivedRequestOut:
        text = _readable(request.body)
        return cls(
            number=request.number,
            received_at=request.received_at,
            headers=dict(request.headers),
            body=base64.b64encode(request.body).decode() if text is None else text,
            is_base64_encoded=text is None,
            verified=request.verified,
        )


class ReceivedRequestPage(Out):
    data: list[ReceivedRequestOut]
    next_cursor: str | None


def _readable(body: bytes) -> str | None:
    """Control characters would be up to seven times as long in the answer, which may have 6 MB."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character >= " " or character in "\t\r\n" for character in text) else None
