"""Recovery of failed and stranded deliveries, a page at a time. Each starts a new round, like a manual retry."""

from __future__ import annotations

from api.retries import refuse_disabled
from webhooks.deduplication import RecentRequests
from webhooks.delivery_log import DeliveryLog
from webhooks.errors import NotSent
from webhooks.models import Webhook
from webhooks.new_rounds import begin, new_rounds
from webhooks.queues import delivery_queues
from webhooks.rate_limits import RateLimits
from webhooks.tables import pace, recoverable_deliveries

PAGE = 100
_COPIES_SECONDS = 15
"""
Delay of the messages of a call that follows another one. The first call may still be queueing the same deliveries and
updating the log, which takes seconds, and each attempt takes up to 5.
"""


def recover(
    log: DeliveryLog, limits: RateLimits, recent: RecentRequests, webhook: Webhook, since: str, after: str | None = None
) -> tuple[int, str | None]:
    """
    Queues the failed and stranded deliveries of events accepted since the time `since`. Returns how many, and where to go
    on: the `after` of the next call.

    It can be repeated after it was killed, and called twice at once. Deliveries that a call has updated in the log are no
    longer failed; of those that it has only queued, the other call queues copies. These are delayed, so that deliver finds
    the first one's attempt in the log, unless the delivery queue is so far behind that both are still waiting.

    Raises Conflict if the webhook is disabled, RateLimited before anything is queued, NotSent.
    """
    refuse_disabled(webhook)
    limits.consume_listing(webhook.account_id)
    page = recoverable_deliveries().page(webhook.id, since=since, after=after, limit=PAGE)
    rounds = new_rounds(log, webhook, page.deliveries)
    if not rounds:
        return 0, page.after
    limits.consume_recovery(webhook, len(rounds))
    # Of two calls that have read the same page, the one that is recorded second queues the copies.
    delay_seconds = _COPIES_SECONDS if recent.seen_recently(webhook.account_id, f"recover#{webhook.id}") else 0
    messages = [message for _, message in rounds]
    if webhook.max_per_second:
        messages = pace().schedule(messages, webhook.max_per_second)
    unsent = begin(log, delivery_queues(), rounds, messages, delay_seconds=delay_seconds)
    if unsent:
        raise NotSent(f"{unsent} deliveries could not be queued; repeat the call")
    return len(rounds), page.after
