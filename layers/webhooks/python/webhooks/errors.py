"""
What callers get to see, as exceptions.

* WebhooksError
  · NotFound
  · Conflict
    · LimitReached
  · RateLimited
  · NotSent
  · UrlRefused
    · AddressRefused
    · Ipv6Only
  · FieldRefused
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


class RateLimited(WebhooksError):
    """The account has asked for too much within a minute; `retry_after` is in seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(f"{detail}; try again in {retry_after} s")
        self.retry_after = retry_after


class NotSent(WebhooksError):
    """A queue or the bus did not accept a message, for now: the same call can be made again."""


class UrlRefused(WebhooksError):
    """The endpoint's URL cannot be used; the text says why and what is allowed."""


class AddressRefused(UrlRefused):
    """The URL leads to an address that is not globally reachable."""

    def __init__(self, address: str) -> None:
        super().__init__(f"address {address} is not public")


class Ipv6Only(UrlRefused):
    """The URL leads to IPv6 addresses alone, which this service has no route to."""

    def __init__(self) -> None:
        super().__init__(
            "has only IPv6 addresses; endpoints are reached over IPv4, so use a host name with an A record"
        )


class FieldRefused(WebhooksError):
    """A field's value is not allowed; `field` is its place, dotted, such as `data.message_id`."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class EventRejected(FieldRefused):
    """The event violates the contract."""


class EventTooLarge(EventRejected):
    """The body that would be POSTed is over the limit."""
