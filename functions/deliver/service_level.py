"""Counts first attempts, and the late ones among them, for an installation that measures its service level."""

from __future__ import annotations

import os

from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage
from webhooks.telemetry import count
from webhooks.times import parse_time


def count_first_attempt(message: DeliveryMessage, attempt: Attempt) -> None:
    """
    Counts an attempt that is the first of a first round: a retry by hand waited for a person. It is late if it began more
    than FIRST_ATTEMPT_SECONDS after the event was accepted.

    Where that is not set nothing is counted, because both metrics cost money. Both are always written: a metric that is
    missing from an hour would make that hour's quotient missing, too.
    """
    limit = os.environ.get("FIRST_ATTEMPT_SECONDS")
    if limit is None or (message.round, attempt.number) != (1, 1):
        return
    waited = (parse_time(attempt.at) - parse_time(message.accepted_at)).total_seconds()
    count("FirstAttempts")
    count("LateFirstAttempts", int(waited > int(limit)))
