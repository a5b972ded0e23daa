"""The metrics and the log line of an attempt."""

from __future__ import annotations

from deliver import failures
from deliver.service_level import count_first_attempt
from webhooks.deliveries import Attempt
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.telemetry import ATTEMPTED, count, log_delivery, observe
from webhooks.times import parse_time


def report(message: DeliveryMessage, webhook: Webhook, attempt: Attempt) -> None:
    """
    Latency is from `accepted_at`, when fanout read the event, to the endpoint's 200, and of first rounds alone: a retry
    by hand waited for a person, and what has a pace may have waited for its moment.
    """
    paced = webhook.max_per_second is not None
    if not paced:
        count_first_attempt(message, attempt)
    count("DeliveryLaneAttempts" if message.queue == "delivery" else "RetryLaneAttempts")
    if attempt.error_code:
        count(f"Failed{failures.METRICS.get(attempt.error_code, 'Connection')}")
    else:
        count("Delivered")
        if message.round == 1 and not paced:
            took = attempt.ended() - parse_time(message.accepted_at)
            observe("DeliveryLatency", took.total_seconds() * 1000)
    log_delivery(
        ATTEMPTED,
        message,
        lane=message.queue,
        number=attempt.number,
        status_code=attempt.status_code,
        error_code=attempt.error_code,
        retry_after=attempt.retry_after,
        ms=attempt.duration_ms,
    )
