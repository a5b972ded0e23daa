"""Plain values as DynamoDB's attribute values, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value

_WHOLE = re.compile(r"-?[0-9]+")


def to_item(values: dict[str, Any]) -> dict[str, Value]:
    """Attribute map of a plain dict; None means absent."""
    return {name: _serialise(value) for name, value in values.items() if value is not None}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _deserialise(value) for name, value in item.items()}


def _serialise(value: Any) -> Value:
    """What boto3's own serialiser does, for the types that are stored here; numbers are whole."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [_serialise(element) for element in value]}
        case dict():
            return {"M": {name: _serialise(element) for name, element in value.items()}}
        case _:
            raise TypeError(f"{type(value).__name__} is not stored")


def _deserialise(value: Mapping[str, Any]) -> Any:
    """Other types are returned unchanged."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if _WHOLE.fullmatch(content) else content
        case "L":
            return [_deserialise(element) for element in content]
        case "M":
            return {name: _deserialise(element) for name, element in content.items()}
        case "NULL":
            return None
        case _:
            return content
