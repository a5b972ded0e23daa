"""The subjects as pydantic models, from which the specification describes an event's `data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from webhooks.event_types import MAX_ID, SUBJECTS, EventType, Subject

_OPTIONAL = {
    "from": "The contact's telephone number.",
    "to": "The contact's telephone number.",
    "contact_name": "The contact's name, as WhatsApp has it.",
    "type": "The kind of message, such as `text`, `image` or `template`.",
    "text": "The text of the message.",
    "error": "Why it could not be delivered, with WhatsApp's code.",
    "name": "The name of the contact or the campaign.",
    "phone": "The contact's telephone number.",
    "tags": "The contact's tags, as they are now.",
    "changed": "The fields that changed.",
    "sent": "Messages that the campaign sent.",
    "delivered": "Messages that reached the contact's device.",
    "read": "Messages that were read.",
    "failed": "Messages that could not be delivered.",
    "contact_id": "The contact whose conversation it is.",
    "agent_id": "The agent who took over.",
    "reason": "Why the conversation was handed over.",
}
"""What the examples have besides the identifiers. It is not checked, so nothing is promised of its type."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


def _model(subject: Subject) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: Annotated[str, Field(min_length=1, max_length=MAX_ID, description=description)]
        for name, description in subject.identifiers.items()
    }
    return create_model(subject.name, __base__=_Data, **fields)


MODELS: Mapping[str, type[BaseModel]] = {subject.name: _model(subject) for subject in SUBJECTS}


def data_schema(event_type: EventType) -> dict[str, Any]:
    """The JSON Schema of an event's `data`: identifiers, which are checked, and what else it usually has, which is not."""
    schema = event_type.model.model_json_schema()
    for name, value in event_type.example.items():
        if name not in schema["properties"]:
            schema["properties"][name] = {"description": f"Optional. {_OPTIONAL[name]}", "examples": [value]}
    return schema
