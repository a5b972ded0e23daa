"""The scenarios and the designs that are compared, at the same concurrency in all."""

from __future__ import annotations

from bench.crowd.scenario import Campaign, Outage, Scenario
from bench.crowd.settings import Design, Lane, Load

CONCURRENCY = 100
RETRY_CONCURRENCY = 30
RETRY_BATCH = 40
RETRY_WINDOW = 1.0
RETRY_LANES = ((20, 30), (40, 30), (60, 30), (40, 60))
"""Sizes of a batch, and batches at a time; the delivery lane has as many in each."""


def two_lanes(
    size: int = RETRY_BATCH, retry: int = RETRY_CONCURRENCY, delivery: int = CONCURRENCY - RETRY_CONCURRENCY
) -> Design:
    return Design(Lane(10, 0.0, delivery), Lane(size, RETRY_WINDOW, retry))


def designs() -> dict[str, Design]:
    return {
        "one lane": Design(Lane(10, 0.0, CONCURRENCY)),
        "two lanes": two_lanes(),
    }


def scenarios(load: Load) -> list[Scenario]:
    """Times and sizes as shares of the load, so that a smaller one is the same story."""
    a_minute = load.seconds / 10
    campaign = round(load.rate * load.seconds / 12)
    return [
        Scenario("all alive"),
        Scenario("1 % dead", dead=0.01),
        Scenario("5 % dead", dead=0.05),
        Scenario("10 % dead", dead=0.10),
        Scenario("a campaign", campaign=Campaign(load.accounts // 2, campaign, 2 * a_minute, 2 * a_minute)),
        Scenario("30 % down for a while", outage=Outage(0.3, 2 * a_minute, 3 * a_minute)),
        Scenario("the busiest answers in 2 s", slow={0: 2.0}),
    ]
