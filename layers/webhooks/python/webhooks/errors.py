"""
Everything that callers are told about, as exceptions.

* WebhooksError
  · NotFound
  · Conflict
    · LimitReached
  · UrlRefused
    · AddressRefused
  · EventRejected
    · EventTooLarge
"""

from __future__ import annotations


class WebhooksError(Exception):
    """Base class; its text is written for the person who made the call."""


class NotFound(WebhooksError):
    """There is no such thing, or it belongs to another account."""


class Conflict(WebhooksError):
    """The thing is not in a state that allows this."""


class LimitReached(Conflict):
    """The account already has as many of these as it may have."""


class UrlRefused(WebhooksError):
    """The endpoint's URL cannot be used; the text says why and what is allowed."""


class AddressRefused(UrlRefused):
    """The URL leads to an address that is not globally reachable."""

    def __init__(self, address: str) -> None:
        super().__init__(f"address {address} is not public")


class EventRejected(WebhooksError):
    """The event does not keep to the contract; `field` is the place, dotted, such as `data.message_id`."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class EventTooLarge(EventRejected):
    """The body that would be POSTed is over the limit."""
