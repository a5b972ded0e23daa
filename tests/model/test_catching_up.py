"""An outage that ends, with each fault at each step of what is done then: all that failed arrives, once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.model.cloud import FAULTS, NONE, VISIBILITY, Plan
from tests.model.invariants import Invariants
from tests.model.running import running
from tests.model.simulation import DEAD, Simulation
from webhooks.deliveries import Delivery

FAILED = ["evt_1", "evt_2", "evt_3", "evt_4"]
_QUICK = ("crash after",)
_FAULTS = [fault if fault in _QUICK else pytest.param(fault, marks=pytest.mark.slow) for fault in FAULTS]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def after_an_outage(simulation: Simulation, *, answered: Plan = NONE, lasts: float = 0) -> None:
    """All have failed; then a person has one sent again, which is answered with 200, with faults."""
    simulation.open_account()
    simulation.subscribe()
    simulation.endpoints.behaviour["wh_1"] = "down"
    for event_id in FAILED:
        simulation.publish(event_id)
        simulation.fan_out()
    until_all_have_failed(simulation)
    simulation.cloud.clock.sleep(lasts)
    simulation.endpoints.behaviour["wh_1"] = "up"
    simulation.retry("wh_1", "evt_1")
    simulation.deliver(answered)


def until_all_have_failed(simulation: Simulation) -> None:
    while any(delivery is None or not delivery.is_final() for delivery in deliveries(simulation)):
        simulation.release()
        simulation.deliver()
        simulation.process_dead_letters()
        simulation.wait_for_a_message(at_least=1)
    webhook = simulation.webhook("wh_1")
    assert webhook
    assert webhook.status == "failing"


def deliveries(simulation: Simulation) -> list[Delivery | None]:
    return [simulation.delivery("wh_1", event_id) for event_id in FAILED]


def until_all_is_done(simulation: Simulation, contract: Invariants) -> None:
    for _ in range(60):
        simulation.deliver()
        simulation.process_dead_letters()
        simulation.release()
        contract.check()
        if not simulation.queued() and not simulation.is_catching_up():
            return
        simulation.wait_for_a_message(at_least=1)
    pytest.fail("it never ends")


@pytest.mark.parametrize("fault", _FAULTS)
@pytest.mark.parametrize("where", ["the first 200", "the look each minute"])
def test_all_that_failed_arrives(fault: str, where: str) -> None:
    for boundary in range(100):
        plan = {boundary: fault}
        simulation = Simulation()
        with running(simulation):
            contract = Invariants(simulation)
            after_an_outage(simulation, answered=plan if where == "the first 200" else NONE)
            if where != "the first 200":
                simulation.release(plan)
            if not simulation.cloud.faults:
                break  # there are no more steps
            until_all_is_done(simulation, contract)
            contract.check_end()
            assert {delivery.status for delivery in contract.deliveries.values()} == {"delivered"}
            (catch_up,) = simulation.catch_ups()
            assert catch_up.state == "done"
            assert catch_up.sent <= len(FAILED)
            answered = Counter(post.event_id for post in simulation.endpoints.posts.values() if post.ok)
            twice = sum(answered.values()) - len(FAILED)
            assert twice <= 1, "one POST at the most is made again because of one fault"
    assert 5 <= boundary < 99, "so many steps"


@pytest.mark.parametrize("fault", _FAULTS)
def test_what_failed_arrives_even_if_the_outage_ends_before_a_crash_in_it_is_made_good(fault: str) -> None:
    """The crash is where the webhook becomes failing; a 200 comes before the dead letter does once more."""
    for boundary in range(100):
        simulation = Simulation()
        with running(simulation):
            contract = Invariants(simulation)
            a_dead_letter(simulation)
            simulation.process_dead_letters({boundary: fault})
            if not simulation.cloud.faults:
                break  # there are no more steps
            simulation.endpoints.behaviour["wh_1"] = "up"
            for event_id in ("evt_2", "evt_3"):
                simulation.publish(event_id)
                simulation.fan_out()
                simulation.wait_for_a_message(at_least=1)
                simulation.deliver()
                simulation.cloud.clock.sleep(VISIBILITY.total_seconds())
                simulation.process_dead_letters()
            until_all_is_done(simulation, contract)
            contract.check_end()
            assert [delivery.status for delivery in contract.deliveries.values()] == ["delivered"] * 3
    assert 5 <= boundary < 99, "so many steps"


def a_dead_letter(simulation: Simulation) -> None:
    simulation.open_account()
    simulation.subscribe()
    simulation.endpoints.behaviour["wh_1"] = "down"
    simulation.publish("evt_1")
    simulation.fan_out()
    while not simulation.cloud.queues[DEAD].messages:
        simulation.deliver()
        simulation.wait_for_a_message(at_least=1)


def test_without_a_fault_each_arrives_once_in_the_order_of_acceptance() -> None:
    simulation = Simulation()
    with running(simulation):
        contract = Invariants(simulation)
        after_an_outage(simulation)
        until_all_is_done(simulation, contract)
        contract.check_end()
    answered = [post.event_id for post in simulation.endpoints.posts.values() if post.ok]
    assert answered == FAILED
    assert simulation.catch_ups()[0].sent == len(FAILED) - 1


def test_what_a_second_outage_makes_fail_after_all_was_sent_arrives_too() -> None:
    simulation = Simulation()
    with running(simulation):
        contract = Invariants(simulation)
        after_an_outage(simulation, lasts=2 * 3600)
        while simulation.catch_ups()[0].state != "done":
            simulation.release()
            simulation.cloud.clock.sleep(1)
        simulation.endpoints.behaviour["wh_1"] = "down"
        until_all_have_failed(simulation)
        simulation.endpoints.behaviour["wh_1"] = "up"
        simulation.retry("wh_1", "evt_2")
        until_all_is_done(simulation, contract)
        contract.check_end()
    assert {delivery.status for delivery in contract.deliveries.values()} == {"delivered"}
    assert simulation.catch_ups()[0].pauses == 1
