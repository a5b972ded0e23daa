"""A batch of more events than one send can hold, with each fault at each step of fanout: nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.model.cloud import FAULTS, NONE
from tests.model.invariants import Invariants
from tests.model.running import running
from tests.model.simulation import Simulation

EVENTS = [f"evt_{number}" for number in range(1, 13)]
_QUICK = ("refused in part",)
_FAULTS = [fault if fault in _QUICK else pytest.param(fault, marks=pytest.mark.slow) for fault in FAULTS]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("fault", _FAULTS)
def test_each_wanted_event_reaches_both_webhooks(fault: str) -> None:
    for boundary in range(200):
        simulation = Simulation()
        with running(simulation):
            contract = Invariants(simulation)
            simulation.open_account()
            for _ in range(2):
                simulation.subscribe()
            simulation.publish_batch(EVENTS, directly=True)
            simulation.fan_out({boundary: fault})
            faults = simulation.cloud.faults
            for _ in range(60):
                simulation.fan_out(NONE)
                simulation.deliver()
                simulation.release()
                contract.check()
                if not (simulation.cloud.on_bus or simulation.queued() or simulation.waiting()):
                    break
                simulation.wait_for_a_message(at_least=1)
            contract.check_end()
            done = [delivery for delivery in contract.deliveries.values() if delivery.status == "delivered"]
            assert {(d.webhook_id, d.event_id) for d in done} >= {
                (f"wh_{n}", event) for n in (1, 2) for event in EVENTS
            }
        if not faults:
            break  # there are no more steps
    assert 15 <= boundary < 199, "so many steps"
