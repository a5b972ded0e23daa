"""The small real run of `bench.lanes`, simulated: what the queue model says beside what was measured."""

from __future__ import annotations

from bench.crowd.scenario import Endpoints, Published
from bench.crowd.settings import Design, Lane, Load, Times
from bench.crowd.simulation import Simulation
from bench.lanes import figures
from bench.lanes.load import ACCOUNTS, WARM_UP_SECONDS, Run

ANSWER_SECONDS = 0.03
TIMES = Times(fanout=0.015, batch=0.01, each=0.004, cold_start=0.0)
"""The emulator's and this machine's, in the run without dead ones."""
DELAYS = (1, 2, 3)
_BATCHES = 4


class _Answers(Endpoints):
    """The last account's endpoint hangs from time zero on, the others answer alike."""

    def __init__(self, times: Times) -> None:
        self._given_up = times.attempt

    def attempt(self, number: int, attempt: int, account: int, at: float) -> tuple[float, bool]:
        dead = account == ACCOUNTS and at >= 0
        return (self._given_up, False) if dead else (ANSWER_SECONDS, True)


def two_lanes(size: int) -> Design:
    return Design(
        Lane(10, 0.0, _BATCHES, pollers=_BATCHES),
        Lane(size, 1.0, _BATCHES, pollers=_BATCHES),
        fair=False,
    )


def simulate(share: float, design: Design, *, rate: float = 20.0, seconds: float = 30.0) -> figures.Figures:
    run = Run(share, rate, seconds, began_at=0.0)
    numbers = list(run.numbers())
    accounts = [ACCOUNTS if run.is_for_dead(n) else n % ACCOUNTS for n in numbers]
    published = Published([run.published_at(n) for n in numbers], accounts)
    load = Load(accounts=ACCOUNTS + 1, delays=DELAYS, warm_up=WARM_UP_SECONDS + 1)
    simulation = Simulation(load, design, published, _Answers(TIMES), TIMES)
    simulation.run(seconds + 300)
    arrived = simulation.worker.arrived
    return figures.of_run(run, {n: at - run.published_at(n) for n, at in zip(numbers, arrived, strict=True)})
