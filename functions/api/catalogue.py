"""The event types for people to read: one page without scripts, open to all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from api.event_specification import HEADERS
from webhooks.event_models import data_schema
from webhooks.event_types import EVENT_TYPES, EXAMPLE_TIME, EventType

_TEMPLATE = Path(__file__).with_name("catalogue.html")


def render() -> tuple[str, dict[str, str]]:
    """The page and its headers."""
    page = _TEMPLATE.read_text(encoding="utf-8")
    style = page.split("<style>", 1)[1].split("</style>", 1)[0]
    links = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in EVENT_TYPES)
    page = page.replace("<!--LINKS-->", links).replace("<!--HEADERS-->", "".join(_headers()))
    page = page.replace("<!--EVENTS-->", "".join(map(_section, EVENT_TYPES.values())))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}


def _headers() -> Iterator[str]:
    for name, header in HEADERS.items():
        yield f"<tr><th scope=row><code>{name}</code></th><td>{_prose(header['description'])}</td></tr>"


def _section(event_type: EventType) -> str:
    payload = {"event": event_type.name, "timestamp": EXAMPLE_TIME, "data": dict(event_type.example)}
    name, example = event_type.name, json.dumps(payload, indent=2, ensure_ascii=False)
    return (
        f'<section id="{name}"><h2><code>{name}</code></h2><p>{_prose(event_type.description)}</p>'
        f"<table><caption>Fields of <code>data</code></caption><thead><tr><th scope=col>Field</th><th scope=col>Always"
        f"</th><th scope=col>Meaning</th></tr></thead><tbody>{''.join(_fields(event_type))}</tbody></table>"
        f'<pre tabindex="0" role="group" aria-label="Example of {name}">{escape(example)}</pre></section>'
    )


def _fields(event_type: EventType) -> Iterator[str]:
    schema: dict[str, Any] = data_schema(event_type)
    for name, field in schema["properties"].items():
        always = "yes" if name in schema["required"] else "no"
        meaning = field.get("description", "").removeprefix("Optional. ")
        yield f"<tr><th scope=row><code>{name}</code></th><td>{always}</td><td>{_prose(meaning)}</td></tr>"


def _prose(text: str) -> str:
    """Returns HTML, in which what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
