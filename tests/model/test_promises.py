"""Random histories with faults between any two steps; after every step the promises are checked."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.cloud import FAULTS, Plan
from tests.model.promises import Promises
from tests.model.running import running
from tests.model.world import MEANWHILE, PERSON, World
from webhooks.telemetry import logger

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


FANNED = plans(5, FAULTS + MEANWHILE, {2: "refused in part", 3: "refused in part"})
DELIVERED = plans(8, FAULTS + MEANWHILE, {0: "refused in part"}, {1: "retried"})
JUDGED = plans(4, FAULTS + MEANWHILE, {2: "refused in part"}, {1: "crash after"})
INNER = plans(6, FAULTS)
COPIES = st.sampled_from(["", "sent twice", "handed out twice"])
WEBHOOKS = st.integers(1, 3).map(lambda number: f"wh_{number}")
EVENTS = st.integers(1, 3).map(lambda number: f"evt_{number}")


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.promises = Promises(self.world)
        self.ending = ExitStack()
        self.ending.enter_context(running(self.world))

    @initialize(webhooks=st.integers(1, 2), events=st.integers(1, 2))
    def begin(self, webhooks: int, events: int) -> None:
        for _ in range(webhooks):
            self.world.subscribe()
        for number in range(events):
            self.world.publish(f"evt_{number + 1}")

    @rule(event_id=EVENTS)
    def publish(self, event_id: str) -> None:
        self.world.publish(event_id)

    @precondition(lambda self: self.world.made < 3)
    @rule()
    def subscribe(self) -> None:
        self.world.subscribe()

    @rule(webhook_id=WEBHOOKS, does=st.sampled_from(["up", "down", "slow"]))
    def endpoint(self, webhook_id: str, does: str) -> None:
        self.world.endpoints.does[webhook_id] = does

    @rule(webhook_id=WEBHOOKS, does=st.sampled_from(PERSON))
    def a_person(self, webhook_id: str, does: str) -> None:
        self.world.person(webhook_id, does)

    @rule(webhook_id=WEBHOOKS, event_id=EVENTS, plan=JUDGED, inner=INNER)
    def retry(self, webhook_id: str, event_id: str, plan: Plan, inner: Plan) -> None:
        self.world.inner_plan = inner
        self.world.retry(webhook_id, event_id, plan)

    @rule(webhook_id=WEBHOOKS, event_id=EVENTS)
    def half_a_retry(self, webhook_id: str, event_id: str) -> None:
        """And the other half of earlier ones."""
        self.world.mark_retries()
        self.world.send_retry(webhook_id, event_id)

    @rule(queue=st.sampled_from(["delivery", "dead"]), how=COPIES)
    def copy(self, queue: str, how: str) -> None:
        self.world.copy(queue, how)

    @rule(seconds=st.sampled_from([1, 9.5, 10, 60, 180, 300, 400, 90_000]))
    def time_passes(self, seconds: float) -> None:
        self.world.cloud.clock.sleep(seconds)

    @rule(plans=st.lists(FANNED, min_size=1, max_size=3), inner=INNER)
    def fan_out(self, plans: list[Plan], inner: Plan) -> None:
        self.world.inner_plan = inner
        for plan in plans:
            self.world.fan_out(plan)

    @rule(plans=st.lists(DELIVERED, min_size=1, max_size=3), inner=INNER)
    def deliver(self, plans: list[Plan], inner: Plan) -> None:
        self.world.inner_plan = inner
        for plan in plans:
            self.world.deliver(plan)
            self.promises.check()

    @rule(plan=JUDGED, inner=INNER)
    def judge(self, plan: Plan, inner: Plan) -> None:
        self.world.inner_plan = inner
        self.world.judge(plan)

    @rule(
        webhook_id=WEBHOOKS,
        steps=st.lists(
            st.tuples(COPIES, DELIVERED, JUDGED, st.sampled_from([-0.5, 0, 1, 10])), min_size=4, max_size=12
        ),
        fanned=FANNED,
        back=st.lists(st.just({1: "retried"}) | DELIVERED, max_size=3),
        inner=INNER,
    )
    def an_outage(
        self,
        webhook_id: str,
        fanned: Plan,
        steps: list[tuple[str, Plan, Plan, float]],
        back: list[Plan],
        inner: Plan,
    ) -> None:
        """Random steps alone would seldom come to the fourth attempt, and seldom be over after it."""
        self.world.endpoints.does[webhook_id] = "down"
        self.world.inner_plan = inner
        self.world.fan_out(fanned)
        for copies, delivered, judged, late in steps:
            self.world.fan_out()
            self.world.copy("delivery", copies)
            self.world.deliver(delivered)
            self.promises.check()
            self.world.judge(judged)
            self.promises.check()
            self.world.wait_until_due(webhook_id, late)
        if back:
            self.world.endpoints.does[webhook_id] = "up"
            for event_id in ("evt_1", "evt_2", "evt_3"):
                self.world.send_retry(webhook_id, event_id)
        for plan in back:
            self.world.deliver(plan)
            self.promises.check()
            self.world.mark_retries()
            self.world.cloud.clock.sleep(10)

    @rule(
        webhook_id=WEBHOOKS, fault=st.sampled_from(["crash before", "throttled"]), made=st.integers(0, 3), inner=INNER
    )
    def our_fault_for_a_while(self, webhook_id: str, fault: str, made: int, inner: Plan) -> None:
        """Until the queue gives up: receives without an attempt, after some that were made."""
        self.world.endpoints.does[webhook_id] = "down"
        self.world.fan_out()
        for received in range(6):
            self.world.deliver({} if received < made else {0: fault})
            self.world.cloud.clock.sleep(301)
            self.promises.check()
        self.world.judge(inner)

    @invariant()
    def promises_hold(self) -> None:
        self.promises.check()

    def teardown(self) -> None:
        try:
            self.drain()
            self.promises.check_end()
            self.count()
        finally:
            self.ending.close()

    def drain(self) -> None:
        """Faults are over, and time passes. An operator publishes again what fanout could not handle."""
        world = self.world
        world.on_bus += [(event, 0) for event in world.kept]
        for _ in range(400):
            world.fan_out()
            world.deliver()
            world.judge()
            self.promises.check()
            if not world.on_bus and not world.cloud.queues["delivery"] and not world.cloud.queues["dead"]:
                return
            world.cloud.clock.sleep(15)

    def count(self) -> None:
        endpoints = self.world.endpoints
        TOTAL["runs"] += 1
        TOTAL["faults"] += self.world.cloud.faults
        TOTAL.update(self.promises.statuses())
        TOTAL["times failing"] += len(self.promises.failed)
        TOTAL["times recovered"] += len(self.promises.recovered)
        TOTAL["POSTs"] += len(endpoints.posts)
        UNRECORDED.update(endpoints.unrecorded)


def run(runs: int, steps: int, *, seeded: int) -> None:
    """The same histories every time, so that what fails is the change. MODEL_SEED=… goes looking for others."""
    run_state_machine_as_test(
        seed(seeded + int(os.environ.get("MODEL_SEED", "0")))(Histories),
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def report() -> None:
    print("\nlost 0, falsely failing 0, not final 0 in " + ", ".join(f"{n} {name}" for name, n in TOTAL.items()))
    print(f"{UNRECORDED.total()} of the POSTs are not in the log:")
    for why, number in UNRECORDED.most_common():
        print(f"  {number:6} {why}")
    for reached in ("delivered", "failed", "cancelled", "times failing", "times recovered"):
        assert TOTAL[reached], f"no history came to {reached}"


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """Anew in each test, and without the functions' logs."""
    TOTAL.clear()
    UNRECORDED.clear()
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def test_promises_hold_under_faults() -> None:
    run(200, 20, seeded=0)
    report()


@pytest.mark.slow
def test_promises_hold_under_faults_at_length() -> None:
    for part in range(20):  # Hypothesis keeps all of a run's choices in memory
        run(250, 30, seeded=1 + part)
    report()
    assert TOTAL["runs"] >= 5000
