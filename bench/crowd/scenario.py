"""Who publishes when, and which endpoints are dead, down, or slow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import accumulate

from bench.crowd.settings import Load, Times

_SAMPLES = 1 << 16


@dataclass(frozen=True)
class Outage:
    share: float
    begins: float
    seconds: float


@dataclass(frozen=True)
class Campaign:
    """One account's events, evenly spread."""

    account: int
    events: int
    begins: float
    seconds: float


@dataclass(frozen=True)
class Scenario:
    """
    Accounts, one webhook each, are numbered by how much they publish. What is dead hangs from time zero on; shares are of
    webhooks, evenly spread over the busy and the quiet ones. `slow` endpoints answer 200 after so many seconds.
    """

    name: str
    dead: float = 0.0
    outage: Outage | None = None
    campaign: Campaign | None = None
    slow: dict[int, float] = field(default_factory=dict)

    def dead_accounts(self, load: Load) -> set[int]:
        return _spread(self.dead, load.accounts)

    def affected(self, load: Load) -> set[int]:
        """Accounts that are not healthy, or cause the trouble: they count in no figure of the healthy ones."""
        down = _spread(self.outage.share, load.accounts) if self.outage else set()
        campaign = {self.campaign.account} if self.campaign else set()
        return self.dead_accounts(load) | down | campaign | self.slow.keys()


def _spread(share: float, accounts: int) -> set[int]:
    """Every n-th, beginning with half of n."""
    count = round(share * accounts)
    return {int((i + 0.5) * accounts / count) for i in range(count)}


@dataclass(frozen=True)
class Published:
    """In the order of time; a message's number is its place."""

    times: list[float]
    accounts: list[int]


def publish(load: Load, scenario: Scenario) -> Published:
    """Poisson arrivals of accounts by Zipf's law, and the campaign."""
    source = random.Random(load.seed)
    weights = list(accumulate(1 / rank**load.zipf for rank in range(1, load.accounts + 1)))
    at, times = -load.warm_up, []
    while (at := at + source.expovariate(load.rate)) < load.seconds:
        times.append(at)
    accounts = source.choices(range(load.accounts), cum_weights=weights, k=len(times))
    if scenario.campaign is None:
        return Published(times, accounts)
    campaign = scenario.campaign
    own = [campaign.begins + i * campaign.seconds / campaign.events for i in range(campaign.events)]
    both = sorted([*zip(times, accounts, strict=True), *((at, campaign.account) for at in own)])
    return Published([at for at, _ in both], [account for _, account in both])


class Endpoints:
    """The same answer to the same attempt of the same event, whatever the design and the order."""

    def __init__(self, load: Load, scenario: Scenario, times: Times) -> None:
        source = random.Random(load.seed + 1)
        median, sigma = load.median, load.sigma
        # Healthy answers end before an attempt is given up: what is dead is the scenario's to say.
        drawn = (median * source.lognormvariate(0, sigma) for _ in range(_SAMPLES))
        self._answers = [min(took, times.attempt * 0.9) for took in drawn]
        self._given_up = times.attempt
        self._dead = scenario.dead_accounts(load)
        self._slow = scenario.slow
        self._outage = scenario.outage
        self._down = _spread(scenario.outage.share, load.accounts) if scenario.outage else set()

    def attempt(self, number: int, attempt: int, account: int, at: float) -> tuple[float, bool]:
        """How long it takes, and whether the answer is a 200."""
        if account in self._dead and at >= 0:
            return self._given_up, False
        if account in self._down and self._outage and 0 <= at - self._outage.begins < self._outage.seconds:
            return self._given_up, False
        if account in self._slow:
            return self._slow[account], True
        return self._answers[(number * 40503 + attempt * 977) % _SAMPLES], True
