"""Deliveries sent again, each in a new round: first the message, then the log."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from webhooks.deliveries import Delivery
from webhooks.delivery_log import DeliveryLog
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.queues import DeliveryQueues
from webhooks.times import now, rfc3339

_MARKING = 10
"""Concurrent writes."""

NewRounds = list[tuple[Delivery, DeliveryMessage]]
"""Each delivery in its new round, and the message that begins it."""


def new_rounds(log: DeliveryLog, webhook: Webhook, deliveries: Sequence[Delivery]) -> NewRounds:
    """Returns a new round for each of at most 100 deliveries, except those whose event the log has forgotten."""
    bodies = log.bodies(webhook.account_id, [delivery.event_id for delivery in deliveries])
    started_at = rfc3339(now())
    again = [d.in_round(d.round + 1, started_at) for d in deliveries if d.event_id in bodies]
    return [(delivery, DeliveryMessage.of(delivery, bodies[delivery.event_id], webhook.lane)) for delivery in again]


def begin(
    log: DeliveryLog,
    queues: DeliveryQueues,
    rounds: NewRounds,
    messages: Sequence[DeliveryMessage],
    *,
    delay_seconds: int = 0,
) -> int:
    """
    Sends the messages, and marks in the log those that are sent or wait already. Returns how many SQS refused.

    Killed in between, or done by two at once, it makes copies of messages, which deliver settles: the round is the same. A
    delivery that has changed since it was read was begun by its message or by another retry, and stays as it is.
    """
    unsent = {message.key() for message in queues.send(messages, delay_seconds=delay_seconds)}
    with ThreadPoolExecutor(_MARKING) as pool:
        list(pool.map(log.save, [delivery for delivery, message in rounds if message.key() not in unsent]))
    return len(unsent)
