"""What the specification says of the event types: how each is published, and how it is POSTed to endpoints."""

from __future__ import annotations

from typing import Any

from api.public_schemas import PREFIX
from api.validation import ID_PATTERN
from webhooks.event_models import data_schema
from webhooks.event_types import EVENT_TYPES, EXAMPLE_TIME, EventType

_TAG = "What your endpoint receives"
_PARAMETERS = "#/components/parameters/"
_STANDARD = "v1,[A-Za-z0-9+/]{43}="
HEADERS: dict[str, dict[str, Any]] = {
    "X-Webhook-Signature": {
        "description": "Lower-case hex HMAC-SHA256 of the raw body. The key is the whole secret with `whsec_`, as UTF-8. "
        "Changes at once when the secret is rotated.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "webhook-id": {
        "description": "The event's id, the same at every attempt: process each once.",
        "schema": {"type": "string", "pattern": ID_PATTERN},
    },
    "webhook-timestamp": {
        "description": "The time of the attempt, in Unix seconds. Refuse what is more than five minutes off.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "webhook-signature": {
        "description": "Standard Webhooks: `v1,` and the base64 of the HMAC-SHA256 of "
        "`{webhook-id}.{webhook-timestamp}.{raw body}`. The key is what the secret has after `whsec_`, base64-decoded. "
        "After a rotation a second one, of the old secret, follows a space while that is valid.",
        "schema": {"type": "string", "pattern": f"^{_STANDARD}( {_STANDARD})?$"},
    },
    "webhook-test": {
        "description": "Only on test events.",
        "required": False,
        "schema": {"type": "string", "const": "true"},
    },
}
_TIMESTAMP = {
    "type": "string",
    "format": "date-time",
    "description": "When it happened: UTC, in whole seconds.",
    "examples": [EXAMPLE_TIME],
}
_ANSWERS = {
    "200": {"description": "Received. No other status is a success, and the answer must come within 5 seconds."},
    "410": {"description": "Gone: the webhook is disabled, and nothing more is sent to it."},
    "default": {
        "description": "A failure. The same body is sent again, by default three times, then the webhook is failing."
    },
}


def describe_events(document: dict[str, Any]) -> None:
    """
    Adds `webhooks`, and the schemas of each event type: its data, its payload, and the request that publishes it.
    `EventRequest` becomes a choice of those requests, and every `payload` one of the payloads.
    """
    schemas = document["components"]["schemas"]
    request = schemas["EventRequest"]
    for event_type in EVENT_TYPES.values():
        schemas |= _schemas(event_type, request)
    schemas["EventRequest"] = _choice("EventRequest") | {"examples": request["examples"]}
    schemas["Payload"] = _choice("Payload")
    for schema in schemas.values():
        if "payload" in schema.get("properties", {}):
            schema["properties"]["payload"] = {"$ref": f"{PREFIX}Payload"}
    document["components"]["parameters"] = {
        name: {"name": name, "in": "header", "required": True, **header} for name, header in HEADERS.items()
    }
    document["webhooks"] = {event_type.name: {"post": _post(event_type)} for event_type in EVENT_TYPES.values()}


def _schemas(event_type: EventType, request: dict[str, Any]) -> dict[str, Any]:
    name, example = class_name(event_type.name), dict(event_type.example)
    data, event = {"$ref": f"{PREFIX}{name}Data"}, {"type": "string", "const": event_type.name}
    published = {"account_id": "acme", "event": event_type.name, "data": example}
    return {
        f"{name}Data": data_schema(event_type) | {"title": f"{name}Data", "examples": [example]},
        f"{name}Payload": {
            "title": f"{name}Payload",
            "type": "object",
            "properties": {"event": event, "timestamp": _TIMESTAMP, "data": data},
            "required": ["event", "timestamp", "data"],
            "additionalProperties": False,
        },
        f"{name}EventRequest": request
        | {
            "title": f"{name}EventRequest",
            "properties": request["properties"] | {"event": event, "data": data},
            "examples": [published],
        },
    }


def _choice(title: str) -> dict[str, Any]:
    """Returns the choice between the event types' schemas of this `title`."""
    mapping = {name: f"{PREFIX}{class_name(name)}{title}" for name in EVENT_TYPES}
    return {
        "title": title,
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "event", "mapping": mapping},
    }


def _post(event_type: EventType) -> dict[str, Any]:
    name = class_name(event_type.name)
    payload = {"event": event_type.name, "timestamp": EXAMPLE_TIME, "data": dict(event_type.example)}
    content = {"schema": {"$ref": f"{PREFIX}{name}Payload"}, "example": payload}
    return {
        "operationId": f"on{name}",
        "summary": event_type.description,
        "description": "Sent to your endpoint, at least once and in no order. Verify a signature before anything else.",
        "tags": [_TAG],
        "parameters": [{"$ref": f"{_PARAMETERS}{header}"} for header in HEADERS],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _ANSWERS,
    }


def class_name(event: str) -> str:
    """`MessageIncoming` of `message.incoming`."""
    return "".join(part.capitalize() for part in event.split("."))
