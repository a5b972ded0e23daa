"""
Catching up: an endpoint that is down is probed, and when it answers again, what failed in the meantime is sent again.

| the webhook is | and the catching up | do |
|---|---|---|
| deleted, disabled, or catches up no more | | stop |
| failing or active | was interrupted by too many outages | give up |
| failing | began with another outage | wait for the end of this one |
| failing | waits, for 3 days | give up |
| failing | waits | send one failed delivery again, unless there is traffic; the next probe is later |
| active | waits or sends | send what failed, a page at a time, the oldest first, at the webhook's pace |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from webhooks import new_rounds
from webhooks.catch_up import GIVEN_UP_AFTER, CatchUp, CatchUpState
from webhooks.errors import NotSent
from webhooks.models import Webhook
from webhooks.pace import at_pace
from webhooks.queues import delivery_queues
from webhooks.tables import catch_ups, config_table, delivery_lists, delivery_log, pace, recoverable_deliveries
from webhooks.telemetry import logger
from webhooks.times import now, parse_time, rfc3339

DEFAULT_PER_SECOND = 10
"""The pace of catching up to a webhook that has none: an endpoint that was just down."""

MAX_PAUSES = 10
"""
How often another outage may interrupt it: at the twelfth outage in a row it is given up. Otherwise an endpoint that fails on
one of the events would get it again for ever.
"""

_PAGE = 100


def take_step(webhook_id: str) -> bool:
    """Takes the next step. Returns whether another one can be taken at once."""
    catch_up = catch_ups().read(webhook_id)
    if catch_up is None or catch_up.is_over():
        return False
    webhook = config_table().webhook_or_none(catch_up.account_id, webhook_id)
    if webhook is None or webhook.status == "disabled" or not webhook.catch_up:
        return _end(catch_up, "stopped")
    if catch_up.pauses > MAX_PAUSES:
        return _end(catch_up, "given_up")
    if webhook.status == "failing" and webhook.failing_since:
        return _wait(catch_up, webhook, began=webhook.failing_since)
    if catch_up.state == "waiting":
        total = catch_up.sent + recoverable_deliveries().failed_since(webhook_id, _since(catch_up, webhook))
        return catch_ups().save(replace(catch_up, state="sending", after=None, total=total))
    return _send_page(catch_up, webhook)


def _end(catch_up: CatchUp, state: CatchUpState) -> bool:
    ended = catch_up.ended(state)
    if catch_ups().save(ended):
        logger.info("catch_up.ended", webhook_id=ended.webhook_id, state=state, sent=ended.sent, total=ended.total)
    return False


def _wait(catch_up: CatchUp, webhook: Webhook, *, began: str) -> bool:
    """Waits for the end of the outage, and sends a probe if one is due. Returns False: nothing more can be done at once."""
    if catch_up.failing_since != began:
        if catch_up.pauses >= MAX_PAUSES:
            # In this outage: otherwise its end would begin another catching up, without the pauses of this one.
            return _end(replace(catch_up, failing_since=began), "given_up")
        paused = replace(catch_up, state="waiting", failing_since=began, pauses=catch_up.pauses + 1)
        catch_ups().save(paused.with_next_probe())
        return False
    if now() - parse_time(began) >= GIVEN_UP_AFTER:
        left = recoverable_deliveries().failed_since(webhook.id, catch_up.since)
        return _end(replace(catch_up, total=catch_up.sent + left), "given_up")
    if not _has_traffic(catch_up):
        _resend(webhook, since=catch_up.since, after=None, limit=1, per_second=None)
    catch_ups().save(catch_up.with_next_probe())
    return False


def _has_traffic(catch_up: CatchUp) -> bool:
    """Whether an event was accepted in the last quarter of an hour: its attempts say how the endpoint is."""
    latest = delivery_lists().page(catch_up.webhook_id, limit=1, after=None).deliveries
    recently = rfc3339(now() - timedelta(minutes=15))
    return any(delivery.accepted_at > recently for delivery in latest)


def _since(catch_up: CatchUp, webhook: Webhook) -> str:
    return max(catch_up.since, rfc3339(now() - timedelta(hours=webhook.catch_up_hours)))


def _send_page(catch_up: CatchUp, webhook: Webhook) -> bool:
    per_second = webhook.max_per_second or DEFAULT_PER_SECOND
    limit = min(_PAGE, pace().batch(per_second))
    done = _resend(webhook, since=_since(catch_up, webhook), after=catch_up.after, limit=limit, per_second=per_second)
    if done is None:  # the next five minutes are full
        return False
    sent, after = done
    further = replace(catch_up, sent=catch_up.sent + sent, after=after)
    further = replace(further, total=max(further.total, further.sent))
    if after is None:
        return _end(further, "done")
    return catch_ups().save(further)


def _resend(
    webhook: Webhook, *, since: str, after: str | None, limit: int, per_second: int | None
) -> tuple[int, str | None] | None:
    """
    A page of what failed: how many were sent again, and where to go on. None if there is no moment for them now.

    Killed before that is noted, it reads the page again, and finds what was not marked. Raises NotSent: what was not sent is
    still failed.
    """
    page = recoverable_deliveries().page(webhook.id, since=since, after=after, limit=limit)
    rounds = new_rounds.new_rounds(delivery_log(), webhook, page.deliveries)
    messages = [message for _, message in rounds]
    if messages and per_second:
        first = pace().take(webhook.id, len(messages), per_second, of_waiting=True)
        if first is None:
            return None
        messages = list(at_pace(messages, first, per_second))
    if unsent := new_rounds.begin(delivery_log(), delivery_queues(), rounds, messages):
        raise NotSent(f"{unsent} of {len(messages)} deliveries could not be queued")
    return len(messages), page.after
