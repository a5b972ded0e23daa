"""How a webhook's deliveries went."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from api.context import Owner
from api.fields import GivenTime, PathId, given_time
from api.routing import Routes
from api.statistics import Period, WebhookStats, begin_of, statistics
from webhooks.rate_limits import rate_limits
from webhooks.tables import delivery_lists
from webhooks.times import now, parse_time, rfc3339

routes = Routes()
_PAGES = 2
"""How many pages of the delivery log a call counts as: it may read as much."""


@routes.add(
    "GET",
    "/v1/webhooks/<webhook_id>/stats",
    "getWebhookStats",
    "Read how deliveries went",
    role="account",
    tag="Webhooks",
    refusals=[429],
)
def get(
    caller: Owner,
    webhook_id: PathId,
    period: Annotated[Period, Query()] = "24h",
    since: Annotated[GivenTime | None, Query()] = None,
) -> WebhookStats:
    """
    Counts the deliveries in the delivery log, in the period up to now, test events included; with the time `since`, only
    those of events accepted from then on. One call reads at most 10 MB of it, stored answers included: some 30,000
    deliveries that arrived at once, but 2,000 with four answers of 1 KiB. The answer's `since` says how far back that was.
    """
    at = now()
    given = given_time("since", since)
    rate_limits().consume_listing(caller.account_id, _PAGES)
    begin = begin_of(period, at)
    counted_from = min(max(begin, parse_time(given)), at) if given else begin
    outcomes, complete = delivery_lists().outcomes(webhook_id, rfc3339(counted_from))
    return statistics(outcomes, period, at, since=counted_from if complete else None)
