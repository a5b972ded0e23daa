"""Random histories with faults between any two steps; after every step the invariants are checked."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from random import Random
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.cloud import FAULTS, Plan
from tests.model.invariants import Invariants
from tests.model.running import running
from tests.model.simulation import DELAYS, LANES, MAPPINGS, MEANWHILE, PERSON, Simulation, receives

TOTAL: Counter[str] = Counter()
UNRECORDED: Counter[str] = Counter()


def plans(boundaries: int, faults: Sequence[str], *special: Plan) -> st.SearchStrategy[Plan]:
    """Which boundary of an invocation, and what happens there. By a seed: Hypothesis' own choices come in clusters."""

    def plan(seed: int) -> Plan:
        chance = Random(seed)
        if special and chance.random() < 0.1:
            return chance.choice(special)
        happens = range(chance.choice([0, 1, 1, 2, 3]) if seed else 0)
        return {chance.randrange(boundaries): chance.choice(faults) for _ in happens}

    return st.integers(0, 1_000_000).map(plan)


FANNED = plans(9, FAULTS + MEANWHILE, {2: "refused in part", 3: "refused in part"})
DELIVERED = plans(8, FAULTS + MEANWHILE, {0: "refused in part"}, {1: "retried"})
DEAD_LETTERED = plans(4, FAULTS + MEANWHILE, {2: "refused in part"}, {1: "crash after"})
RELEASED = plans(10, FAULTS + MEANWHILE)
CALLED = plans(12, FAULTS + MEANWHILE)
INNER = plans(6, FAULTS)
COPIES = st.sampled_from(["", "sent twice", "handed out twice"])
WEBHOOKS = st.integers(1, 3).map(lambda number: f"wh_{number}")
EVENTS = st.integers(1, 3).map(lambda number: f"evt_{number}")


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.simulation = Simulation()
        self.contract = Invariants(self.simulation)
        self.ending = ExitStack()
        self.ending.enter_context(running(self.simulation))

    @initialize(webhooks=st.integers(1, 2), events=st.integers(1, 2))
    def begin(self, webhooks: int, events: int) -> None:
        self.simulation.open_account()
        for _ in range(webhooks):
            self.simulation.subscribe()
        for number in range(events):
            self.simulation.publish(f"evt_{number + 1}")

    @rule(event_id=EVENTS)
    def publish(self, event_id: str) -> None:
        self.simulation.publish(event_id)

    @rule(event_ids=st.lists(EVENTS, min_size=1, max_size=4), directly=st.booleans(), plan=CALLED)
    def publish_batch(self, event_ids: list[str], directly: bool, plan: Plan) -> None:
        self.simulation.publish_batch(event_ids, directly=directly, plan=plan)

    @precondition(lambda self: self.simulation.made < 3)
    @rule(plan=CALLED)
    def subscribe(self, plan: Plan) -> None:
        self.simulation.subscribe("message.sent", plan=plan)

    @rule(webhook_id=WEBHOOKS, behaviour=st.sampled_from(["up", "down", "slow", "slow", "busy", "gone", "gone"]))
    def endpoint(self, webhook_id: str, behaviour: str) -> None:
        self.simulation.endpoints.behaviour[webhook_id] = behaviour

    @rule(webhook_id=WEBHOOKS, action=st.sampled_from(PERSON), plan=CALLED)
    def a_person(self, webhook_id: str, action: str, plan: Plan) -> None:
        self.simulation.person(webhook_id, action, plan)

    @rule(webhook_id=WEBHOOKS, event_id=EVENTS, plan=CALLED, inner=INNER)
    def retry(self, webhook_id: str, event_id: str, plan: Plan, inner: Plan) -> None:
        self.simulation.inner_plan = inner
        self.simulation.retry(webhook_id, event_id, plan)

    @rule(webhook_id=WEBHOOKS, event_id=EVENTS)
    def half_a_retry(self, webhook_id: str, event_id: str) -> None:
        """And the other half of earlier ones."""
        self.simulation.mark_retries()
        self.simulation.send_retry(webhook_id, event_id)

    @rule(queue=st.sampled_from(list(MAPPINGS)), how=COPIES)
    def copy(self, queue: str, how: str) -> None:
        self.simulation.copy(queue, how)

    @rule(seconds=st.sampled_from([1, 9.5, 10, 60, 180, 300, 400, 90_000]))
    def time_passes(self, seconds: float) -> None:
        self.simulation.cloud.clock.sleep(seconds)

    @rule(plans=st.lists(FANNED, min_size=1, max_size=3), inner=INNER)
    def fan_out(self, plans: list[Plan], inner: Plan) -> None:
        self.simulation.inner_plan = inner
        for plan in plans:
            self.simulation.fan_out(plan)

    @rule(plans=st.lists(DELIVERED, min_size=1, max_size=3), inner=INNER)
    def deliver(self, plans: list[Plan], inner: Plan) -> None:
        self.simulation.inner_plan = inner
        for plan in plans:
            self.simulation.deliver(plan)
            self.contract.check()

    @rule(plan=DEAD_LETTERED, inner=INNER)
    def process_dead_letters(self, plan: Plan, inner: Plan) -> None:
        self.simulation.inner_plan = inner
        self.simulation.process_dead_letters(plan)

    @rule(plan=RELEASED)
    def release(self, plan: Plan) -> None:
        self.simulation.release(plan)

    @rule(
        webhook_id=WEBHOOKS,
        behaviour=st.sampled_from(["down", "down", "busy", "slow", "slow"]),
        steps=st.lists(
            st.tuples(COPIES, DELIVERED, DEAD_LETTERED, st.sampled_from([-0.5, 0, 1, 10])), min_size=4, max_size=12
        ),
        fanned=FANNED,
        back=st.lists(st.just({1: "retried"}) | DELIVERED, max_size=3),
        retried=st.integers(1, 3),
        released=RELEASED,
        inner=INNER,
    )
    def an_outage(
        self,
        webhook_id: str,
        behaviour: str,
        fanned: Plan,
        steps: list[tuple[str, Plan, Plan, float]],
        back: list[Plan],
        retried: int,
        released: Plan,
        inner: Plan,
    ) -> None:
        """Random steps alone would seldom come to the fourth attempt, and seldom be over after it."""
        self.simulation.endpoints.behaviour[webhook_id] = behaviour
        self.simulation.inner_plan = inner
        self.simulation.fan_out(fanned)
        for copies, delivered, dead_lettered, late in steps:
            self.simulation.fan_out()
            for lane in LANES:
                self.simulation.copy(lane, copies)
            self.simulation.deliver(delivered)
            self.contract.check()
            self.simulation.process_dead_letters(dead_lettered)
            self.contract.check()
            self.simulation.wait_until_due(webhook_id, late)
        if back:
            self.simulation.endpoints.behaviour[webhook_id] = "up"
            for number in range(retried):  # what is left is for catching up
                self.simulation.send_retry(webhook_id, f"evt_{number + 1}")
        for plan in back:
            self.simulation.deliver(plan)
            self.contract.check()
            self.simulation.mark_retries()
            self.simulation.release(released)
            self.contract.check()
            self.simulation.cloud.clock.sleep(10)

    @rule(
        webhook_id=WEBHOOKS, fault=st.sampled_from(["crash before", "throttled"]), made=st.integers(0, 3), inner=INNER
    )
    def our_fault_for_a_while(self, webhook_id: str, fault: str, made: int, inner: Plan) -> None:
        """Until the queue gives up: receives without an attempt, after some that were made."""
        self.simulation.endpoints.behaviour[webhook_id] = "down"
        self.simulation.fan_out()
        for received in range(receives() + 3):
            self.simulation.deliver({} if received < made else {0: fault})
            self.simulation.cloud.clock.sleep(301)
            self.contract.check()
        self.simulation.process_dead_letters(inner)

    @invariant()
    def invariants_hold(self) -> None:
        self.contract.check()

    def teardown(self) -> None:
        try:
            self.drain()
            self.contract.check_end()
            self.count()
        finally:
            self.ending.close()

    def drain(self) -> None:
        """
        Faults are over, and time passes. An operator publishes again what fanout could not handle, and somebody changes a
        webhook once more, or else an announcement that was broken off would still stand.
        """
        simulation = self.simulation
        simulation.cloud.clock.sleep(301)
        simulation.subscribe()
        simulation.cloud.on_bus += [(event, 0) for event in simulation.kept]
        for _ in range(400):
            simulation.fan_out()
            simulation.deliver()
            simulation.process_dead_letters()
            if simulation.waiting() or simulation.is_catching_up():
                simulation.release()
            self.contract.check()
            if not simulation.cloud.on_bus and not simulation.queued() and not simulation.is_catching_up():
                return
            simulation.wait_for_a_message(at_least=15)

    def count(self) -> None:
        endpoints = self.simulation.endpoints
        TOTAL["runs"] += 1
        TOTAL["faults"] += self.simulation.cloud.faults
        TOTAL.update(self.contract.statuses())
        TOTAL["times failing"] += len(self.contract.failed)
        TOTAL["times recovered"] += len(self.contract.recovered)
        TOTAL["changes of lane"] += self.contract.lane_changes
        TOTAL["POSTs"] += len(endpoints.posts)
        TOTAL["times ended by a 410"] += self.contract.times_ended
        TOTAL["moved later"] += sum(post.asked > DELAYS[0] and post.recorded for post in endpoints.posts.values())
        TOTAL["ended early"] += sum(post.ended_early for post in endpoints.posts.values())
        TOTAL["unwanted events"] += self.simulation.unwanted
        TOTAL["came to wait"] += self.contract.waited
        TOTAL["rejected events"] += len(self.simulation.bad)
        UNRECORDED.update(endpoints.unrecorded)


def run(runs: int, steps: int, *, seeded: int, machine: type[Histories] = Histories) -> None:
    """The same histories every time (`test_repeating.py`). MODEL_SEED=… looks for others."""
    # Hypothesis mixes constants of the modules that happen to be loaded into what it draws.
    with patch.object(HypothesisProvider, "_maybe_draw_constant", return_value=None):
        run_state_machine_as_test(
            seed(seeded + int(os.environ.get("MODEL_SEED", "0")))(machine),
            settings=settings(
                max_examples=runs,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )


def report(*rare: str) -> None:
    """`rare`: what only many histories come to."""
    print("\nlost 0, falsely failing 0, not final 0 in " + ", ".join(f"{n} {name}" for name, n in TOTAL.items()))
    print(f"{UNRECORDED.total()} of the POSTs are not in the log:")
    for why, number in UNRECORDED.most_common():
        print(f"  {number:6} {why}")
    for reached in (
        *rare,
        "delivered",
        "failed",
        "cancelled",
        "times failing",
        "times recovered",
        "changes of lane",
        "moved later",
        "unwanted events",
        "came to wait",
    ):
        assert TOTAL[reached], f"no history came to {reached}"


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """Anew in each test, and without the functions' logs."""
    TOTAL.clear()
    UNRECORDED.clear()
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_invariants_hold_under_faults() -> None:
    run(120, 20, seeded=0)
    report()


PARTS = int(os.environ.get("MODEL_PARTS", "1"))
"""Of 250 histories each, as Hypothesis keeps all of a run's choices in memory. MODEL_PARTS=10 makes five thousand."""


@pytest.mark.slow(minutes=4)
@pytest.mark.parametrize("half", [0, 1])
def test_invariants_hold_under_faults_at_length(half: int) -> None:
    """In halves, for two processes."""
    for part in range(half * PARTS, (half + 1) * PARTS):
        run(250, 30, seeded=1 + part)
    report("ended early", "times ended by a 410")
    assert TOTAL["runs"] >= 250 * PARTS
