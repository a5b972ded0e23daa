"""A receive without an attempt, through our fault, puts off the attempt that it hits, and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.model.cloud import VISIBILITY
from tests.model.running import running
from tests.model.simulation import DELAYS, Simulation
from webhooks.times import parse_time

BACK_AFTER = {"crash before": VISIBILITY, "throttled": timedelta(seconds=10)}
"""When the message comes back after the fault."""

_ROUNDED = timedelta(seconds=2)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Of a webhook in the slow lane, whose endpoint hangs."""
    simulation = Simulation()
    with running(simulation):
        simulation.open_account()
        simulation.subscribe()
        simulation.endpoints.behaviour["wh_1"] = "slow"
        simulation.publish("evt_1")
        simulation.fan_out()
        simulation.deliver()
        simulation.person("wh_1", "disables")
        simulation.cloud.clock.sleep(60)
        simulation.deliver()
        simulation.person("wh_1", "enables")
        simulation.publish("evt_2")
        simulation.fan_out()
        yield simulation


@pytest.mark.parametrize("fault", list(BACK_AFTER))
@pytest.mark.parametrize("before", [(1,), (2,), (3,), (4,), (2, 3, 4), (4, 4, 4), (5,)])
def test_the_schedule_is_kept_and_only_four_failures_dead_letter(
    simulation: Simulation, fault: str, before: Sequence[int]
) -> None:
    """`before`: the attempts that are hit; there is no fifth one, only its receive."""
    for number in range(1, len(DELAYS) + 2):
        _hit(simulation, fault, before.count(number))
        simulation.invoke("retry")
        assert _recorded(simulation) == number
        assert bool(simulation.cloud.queues["deadletters"].messages) == (number > len(DELAYS))
        simulation.wait_for_a_message(at_least=0)
    _hit(simulation, fault, before.count(5))
    simulation.process_dead_letters()
    delivery = simulation.delivery("wh_1", "evt_2")
    assert delivery is not None
    assert delivery.status == "failed"
    for number, delay, (earlier, later) in zip((2, 3, 4), DELAYS, pairwise(delivery.attempts), strict=True):
        waited = parse_time(later.at) - earlier.ended() - before.count(number) * BACK_AFTER[fault]
        assert timedelta(seconds=delay) <= waited <= timedelta(seconds=delay) + _ROUNDED


def _hit(simulation: Simulation, fault: str, times: int) -> None:
    for _ in range(times):
        simulation.invoke("retry", {0: fault})
        simulation.wait_for_a_message(at_least=0)


def _recorded(simulation: Simulation) -> int:
    delivery = simulation.delivery("wh_1", "evt_2")
    return len(delivery.attempts) if delivery else 0
