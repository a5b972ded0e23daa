"""The nine events: what each one's `data` must carry, and an example. What else it carries passes through untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhooks.errors import EventRejected

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_ID = 256
"""Characters."""

EXAMPLE_TIME = "2026-05-29T10:30:00Z"
"""The `timestamp` of examples."""

SOURCE = "aisoule"
"""The `source` of the platform's events on the bus, which the rule for fanout asks for."""

BATCH = "batch"
"""The `detail-type` of an entry on the bus that holds several events, in the place of an event's name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: the identifiers that its `data` must carry, and what is to be said of each."""

    name: str
    identifiers: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    description: str
    subject: Subject
    example: Mapping[str, Any]
    """An example of `data`."""

    @property
    def model(self) -> type[BaseModel]:
        """For the specification. fanout checks every event, but starts without pydantic: that halves its cold start."""
        from webhooks.event_models import MODELS

        return MODELS[self.subject.name]


MESSAGE = Subject(
    "Message",
    {
        "message_id": "WhatsApp's id of the message: the same in every event about it.",
        "whatsapp_account_id": "The WhatsApp account that received or sent it.",
    },
)
CONTACT = Subject("Contact", {"contact_id": None})
CAMPAIGN = Subject("Campaign", {"campaign_id": None})
TRANSFER = Subject("Transfer", {"transfer_id": None})
SUBJECTS = (MESSAGE, CONTACT, CAMPAIGN, TRANSFER)

_SENT = {"message_id": "wamid.yyy", "to": "+919876543210", "whatsapp_account_id": "uuid"}

_TYPES = (
    EventType(
        "message.incoming",
        "A contact sent a message to one of your WhatsApp accounts.",
        MESSAGE,
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
        MESSAGE,
        {**_SENT, "type": "text", "text": "Your order is on its way"},
    ),
    EventType("message.delivered", "A message that you sent reached the contact's device.", MESSAGE, _SENT),
    EventType("message.read", "The contact read a message that you sent.", MESSAGE, _SENT),
    EventType(
        "message.failed",
        "A message that you sent could not be delivered.",
        MESSAGE,
        {**_SENT, "error": {"code": 131026, "message": "Message undeliverable"}},
    ),
    EventType(
        "contact.created",
        "A contact was added to your account.",
        CONTACT,
        {"contact_id": "uuid", "name": "John Doe", "phone": "+919876543210", "tags": ["customer"]},
    ),
    EventType(
        "contact.updated",
        "A contact's details changed.",
        CONTACT,
        {"contact_id": "uuid", "name": "John Doe", "phone": "+919876543210", "changed": ["tags"], "tags": ["vip"]},
    ),
    EventType(
        "campaign.completed",
        "A campaign has sent its last message.",
        CAMPAIGN,
        {"campaign_id": "uuid", "name": "Diwali offer", "sent": 1200, "delivered": 1164, "read": 873, "failed": 36},
    ),
    EventType(
        "transfer.created",
        "A conversation was handed over to an agent.",
        TRANSFER,
        {"transfer_id": "uuid", "contact_id": "uuid", "agent_id": "uuid", "reason": "asked for a person"},
    ),
)

EVENT_TYPES: Mapping[str, EventType] = {event_type.name: event_type for event_type in _TYPES}


def validate_data(event_type: object, data: object) -> None:
    """Raises EventRejected for an unknown type, or data without the identifiers that its receivers need."""
    if not isinstance(event_type, str):
        raise EventRejected("event", "must be a string")
    known = EVENT_TYPES.get(event_type)
    if known is None:
        raise EventRejected("event", f"{event_type[:100]!r} is unknown; allowed values: {', '.join(EVENT_TYPES)}")
    if not isinstance(data, dict):
        raise EventRejected("data", "must be a JSON object")
    for identifier in known.subject.identifiers:
        wrong = _wrong(data, identifier)
        if wrong:
            raise EventRejected(f"data.{identifier}", wrong)


def _wrong(data: Mapping[str, Any], identifier: str) -> str | None:
    if identifier not in data:
        return "is required"
    value = data[identifier]
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID:
        return f"must be a string of 1 to {MAX_ID} characters"
    return None
