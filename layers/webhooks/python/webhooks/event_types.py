"""The nine events: what each one's `data` must carry, and an example. What else it carries passes through untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webhooks.errors import EventRejected

Id = Annotated[str, Field(min_length=1, max_length=256)]


class _Data(BaseModel):
    """Only checked, never converted: what is delivered is the producer's own `data`."""

    model_config = ConfigDict(extra="allow", strict=True)


class Message(_Data):
    message_id: Id = Field(description="WhatsApp's id of the message: the same in every event about it.")
    whatsapp_account_id: Id = Field(description="The WhatsApp account that received or sent it.")


class Contact(_Data):
    contact_id: Id


class Campaign(_Data):
    campaign_id: Id


class Transfer(_Data):
    transfer_id: Id


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    description: str
    model: type[_Data]
    example: Mapping[str, Any]
    """Of `data`."""


_SENT = {"message_id": "wamid.yyy", "to": "+919876543210", "whatsapp_account_id": "uuid"}

_TYPES = (
    EventType(
        "message.incoming",
        "A contact sent a message to one of your WhatsApp accounts.",
        Message,
        {
            "message_id": "wamid.xxx",
            "from": "+919876543210",
            "contact_name": "John Doe",
            "type": "text",
            "text": "Hello, I need help with my order",
            "whatsapp_account_id": "uuid",
        },
    ),
    EventType(
        "message.sent",
        "WhatsApp accepted a message that you sent.",
        Message,
        {**_SENT, "type": "text", "text": "Your order is on its way"},
    ),
    EventType("message.delivered", "A message that you sent reached the contact's device.", Message, _SENT),
    EventType("message.read", "The contact read a message that you sent.", Message, _SENT),
    EventType(
        "message.failed",
        "A message that you sent could not be delivered.",
        Message,
        {**_SENT, "error": {"code": 131026, "message": "Message undeliverable"}},
    ),
    EventType(
        "contact.created",
        "A contact was added to your account.",
        Contact,
        {"contact_id": "uuid", "name": "John Doe", "phone": "+919876543210", "tags": ["customer"]},
    ),
    EventType(
        "contact.updated",
        "A contact's details changed.",
        Contact,
        {"contact_id": "uuid", "name": "John Doe", "phone": "+919876543210", "changed": ["tags"], "tags": ["vip"]},
    ),
    EventType(
        "campaign.completed",
        "A campaign has sent its last message.",
        Campaign,
        {"campaign_id": "uuid", "name": "Diwali offer", "sent": 1200, "delivered": 1164, "read": 873, "failed": 36},
    ),
    EventType(
        "transfer.created",
        "A conversation was handed over to an agent.",
        Transfer,
        {"transfer_id": "uuid", "contact_id": "uuid", "agent_id": "uuid", "reason": "asked for a person"},
    ),
)

EVENT_TYPES: Mapping[str, EventType] = {event_type.name: event_type for event_type in _TYPES}


def validate_data(event: str, data: object) -> None:
    """Raises EventRejected for an unknown event, or data without the identifiers that its receivers need."""
    event_type = EVENT_TYPES.get(event)
    if event_type is None:
        raise EventRejected("event", f"{event[:100]!r} is unknown; allowed are {', '.join(EVENT_TYPES)}")
    if not isinstance(data, dict):
        raise EventRejected("data", "is not an object")
    try:
        event_type.model.model_validate(data)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("data", *first["loc"])))
        raise EventRejected(place, f"{first['msg'].lower()}; {event} needs a text of 1 to 256 characters") from None
