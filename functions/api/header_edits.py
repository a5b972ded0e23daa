"""Edits of a webhook's headers: single ones, and what becomes of them when its URL moves to another server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from api.header_fields import MAX_HEADERS, header_identity
from webhooks.errors import FieldRefused
from webhooks.models import Webhook


def needs_same_headers(webhook: Webhook, changes: Mapping[str, Any]) -> bool:
    """
    Whether the webhook must still have the headers that were read when the changes are written. Otherwise, those that are
    changed at this moment would be lost, and those that are added would be sent to the new origin. `url` is normalised.
    """
    return "header_changes" in changes or ("headers" not in changes and _moves(webhook, changes))


def with_headers(webhook: Webhook, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with the `headers` that `header_changes` make, in its place. Raises FieldRefused."""
    single = changes.get("header_changes", {})
    kept = _without(changes.get("headers", webhook.headers), single)
    if kept and "headers" not in changes and _moves(webhook, changes):
        # Header values are masked, so nobody may learn them by pointing the webhook at another server.
        detail = (
            "must be given again when the URL's origin changes, because their values would be sent to another server"
        )
        raise FieldRefused("headers", detail)
    others = {name: value for name, value in changes.items() if name != "header_changes"}
    return others | {"headers": _changed(kept, single)} if single else others


def _moves(webhook: Webhook, changes: Mapping[str, Any]) -> bool:
    """Whether the scheme or the host of the URL changes. Normalised, it has neither credentials nor a default port."""
    before, after = urlsplit(webhook.url), urlsplit(changes.get("url", webhook.url))
    return (before.scheme, before.netloc) != (after.scheme, after.netloc)


def _without(headers: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The headers that the changes leave as they are."""
    changed = {header_identity(name) for name in changes}
    return {name: value for name, value in headers.items() if header_identity(name) not in changed}


def _changed(kept: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    headers = {**kept, **{name: value for name, value in changes.items() if value is not None}}
    if len(headers) > MAX_HEADERS:
        raise FieldRefused("header_changes", f"would make {len(headers)} headers; at most {MAX_HEADERS} are allowed")
    return headers
