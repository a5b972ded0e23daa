"""The specification's schemas as clients are to see them: with names of their own, and each enumeration once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

PREFIX = "#/components/schemas/"


def rename(document: dict[str, Any]) -> dict[str, Any]:
    """`WebhookIn` becomes `WebhookRequest`, and `WebhookOut` becomes `Webhook`. Raises ValueError if a name is taken."""
    schemas = document["components"]["schemas"]
    names = {name: _public(name) for name in schemas}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two schemas would have the same name: {sorted(names.values())}")
    for name, schema in schemas.items():
        schema["title"] = names[name]
    document["components"]["schemas"] = {names[name]: schema for name, schema in schemas.items()}
    text = re.sub(rf'"{PREFIX}(\w+)"', lambda match: f'"{PREFIX}{_public(match[1])}"', json.dumps(document))
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _public(name: str) -> str:
    return re.sub(r"Out$", "", re.sub(r"(?<=[a-z])In$", "Request", name))


def share_enums(document: dict[str, Any], enums: Mapping[str, Sequence[str]]) -> None:
    """Replaces each schema that only lists the values of a named enumeration by a reference to it."""
    _replace(document, {tuple(values): name for name, values in enums.items()})
    document["components"]["schemas"] |= {
        name: {"type": "string", "enum": list(values), "title": name} for name, values in enums.items()
    }


def _replace(value: Any, names: Mapping[tuple[str, ...], str]) -> None:
    if isinstance(value, dict):
        listed = value.get("enum")
        if isinstance(listed, list) and tuple(listed) in names:
            name = names[tuple(listed)]
            for key in ("enum", "type", "title"):
                value.pop(key, None)
            value["$ref"] = PREFIX + name
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _replace(inner, names)
