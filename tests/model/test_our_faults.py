"""Faults on our side put off no more than they must, and nobody else's deliveries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.model.invariants import Invariants
from tests.model.running import running
from tests.model.simulation import DEAD, DELAYS, Simulation, receives
from webhooks.messages import MAX_DELAY_SECONDS


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_no_lost_answer_puts_the_first_retry_off() -> None:
    for boundary in range(20):
        simulation = Simulation()
        with running(simulation):
            publish_one(simulation, "down")
            simulation.deliver({boundary: "answer lost, and the SDK asks again"})
        if not simulation.cloud.faults:
            break  # there are no more steps
        delivery = simulation.delivery("wh_1", "evt_1")
        assert delivery
        next_one = min(message.visible_at for message in simulation.cloud.queues["retry"].messages)
        assert next_one - delivery.attempts[-1].ended() < timedelta(seconds=DELAYS[0] + 1.1)
    assert 3 <= boundary < 19, "so many steps"


def test_after_a_long_outage_of_ours_nothing_is_in_flight_for_long() -> None:
    """What was not attempted for hours is put off for hours, as a delayed message."""
    simulation = Simulation()
    with running(simulation):
        contract = Invariants(simulation)
        publish_one(simulation, "up")
        for _ in range(receives() + 1):
            simulation.deliver({0: "throttled"})
            simulation.cloud.clock.sleep(301)
        assert simulation.cloud.queues[DEAD].messages
        simulation.cloud.clock.sleep(2 * 3600)
        simulation.process_dead_letters()
        hops = 0
        while is_pending(simulation):
            (message,) = simulation.cloud.queues["retry"].messages
            wait = message.visible_at - simulation.cloud.clock.at
            assert message.receives == 0 or wait <= timedelta(seconds=MAX_DELAY_SECONDS), "in flight"
            simulation.wait_for_a_message(at_least=1)
            simulation.deliver()
            contract.check()
            hops += 1
        contract.check_end()
    assert hops >= 8, "two hours"


def is_pending(simulation: Simulation) -> bool:
    delivery = simulation.delivery("wh_1", "evt_1")
    return delivery is not None and not delivery.is_final()


def publish_one(simulation: Simulation, behaviour: str) -> None:
    simulation.open_account()
    simulation.subscribe()
    simulation.endpoints.behaviour["wh_1"] = behaviour
    simulation.publish("evt_1")
    simulation.fan_out()
    simulation.wait_for_a_message(at_least=1)
