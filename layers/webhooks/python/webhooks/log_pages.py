"""One answer's worth of a webhook's deliveries."""

from __future__ import annotations

import json
from dataclasses import dataclass

from webhooks.deliveries import Delivery

MAX_READS = 5
"""Queries for one page: what they find may be filtered out, so that a page may not be full though more follow."""

MAX_PAGE_BYTES = 2_000_000
"""Bytes of JSON of the attempts' texts in one page. Lambda's answer, which escapes them once more, ends at 6 MB."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    `after`: the sort key to go on after, None at the end. `searched_to`: how far a page has looked that is not full,
    though more may follow.
    """

    deliveries: list[Delivery]
    after: str | None
    searched_to: str | None = None


def fitting(deliveries: list[Delivery]) -> list[Delivery]:
    """Returns as many, from the first on, as one answer has room for; at least one."""
    left = MAX_PAGE_BYTES
    for count, delivery in enumerate(deliveries):
        left -= sum(
            len(json.dumps([attempt.response_body, attempt.redirect_to, attempt.error]))
            for attempt in delivery.attempts
        )
        if left < 0 and count:
            return deliveries[:count]
    return deliveries
