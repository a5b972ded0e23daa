"""The simulation keeps the laws that any queue keeps, and AWS's documented rules; its small run takes seconds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import mean

import pytest

from bench.crowd import plan
from bench.crowd.clock import Clock
from bench.crowd.figures import simulate
from bench.crowd.mapping import Mapping
from bench.crowd.queue import IN_FLIGHT_LIMIT, Queue
from bench.crowd.scenario import Endpoints, Published, Scenario, publish
from bench.crowd.settings import Design, Lane, Load, Times
from bench.crowd.simulation import Simulation

LOAD = Load(accounts=40, rate=40, seconds=60, warm_up=5, delays=(1, 2, 3))
ONE = Design(Lane(10, 0.0, 12))
TWO = Design(Lane(10, 0.0, 8), Lane(20, 1.0, 4))
DEAD = Scenario("dead", dead=0.1)
NO_TIME = Times(fanout=0, batch=0, each=0, cold_start=0)


class Watched(Endpoints):
    """Keeps every attempt: when it began and how long it took, by the message's number."""

    def __init__(self, load: Load, scenario: Scenario, times: Times) -> None:
        super().__init__(load, scenario, times)
        self.made: dict[int, list[tuple[float, float]]] = defaultdict(list)

    def attempt(self, number: int, attempt: int, account: int, at: float) -> tuple[float, bool]:
        took, succeeded = super().attempt(number, attempt, account, at)
        self.made[number].append((at, took))
        return took, succeeded


def run(
    design: Design, scenario: Scenario, load: Load = LOAD, times: Times | None = None
) -> tuple[Simulation, Watched]:
    endpoints = Watched(load, scenario, times or Times())
    simulation = Simulation(load, design, publish(load, scenario), endpoints, times)
    simulation.run(load.seconds + 600)
    return simulation, endpoints


@pytest.mark.parametrize("design", [ONE, TWO], ids=["one", "two"])
def test_nothing_is_lost_and_nothing_is_settled_twice(design: Design) -> None:
    simulation, endpoints = run(design, DEAD)
    counts, published = simulation.worker.counts, simulation.published
    dead = DEAD.dead_accounts(LOAD)
    late_enough = [at >= 1 for at in published.times]
    to_dead = [n for n, account in enumerate(published.accounts) if account in dead and late_enough[n]]
    assert simulation.unsettled() == 0
    assert counts.delivered + counts.dead_lettered == len(published.times)
    assert counts.dead_lettered >= len(to_dead) > 0
    assert all(mapping.queue.in_flight == mapping.queue.visible == 0 for mapping in simulation.mappings)
    assert len(endpoints.made) == len(published.times)


@pytest.mark.parametrize("design", [ONE, TWO], ids=["one", "two"])
def test_every_attempt_is_made_and_none_is_early(design: Design) -> None:
    _, endpoints = run(design, DEAD)
    tries = [attempts for attempts in endpoints.made.values() if len(attempts) > 1]
    assert tries
    for attempts in tries:
        if len(attempts) == 2 + len(LOAD.delays):
            del attempts[0]  # ended early
        assert len(attempts) == 1 + len(LOAD.delays) or attempts[0][0] < 0
        for delay, (before, took), (after, _) in zip(LOAD.delays, attempts, attempts[1:], strict=False):
            assert after - (before + took) >= delay


def test_an_attempt_that_is_ended_early_is_made_again_and_not_counted() -> None:
    _, endpoints = run(TWO, DEAD)
    counts = {len(attempts) for attempts in endpoints.made.values()}
    assert counts == {1, 1 + len(LOAD.delays), 2 + len(LOAD.delays)}


def test_the_batch_that_finds_an_endpoint_slow_waits_for_it() -> None:
    """A delivery on its own is attempted four times, each for as long as was promised."""
    simulation, endpoints = run(TWO, DEAD, replace(LOAD, rate=0.5, seconds=200))
    assert simulation.worker.counts.dead_lettered
    assert {len(attempts) for attempts in endpoints.made.values()} == {1, 1 + len(LOAD.delays)}


def test_without_slow_answers_the_second_lane_changes_nothing() -> None:
    load = replace(LOAD, sigma=0.1)
    one, two = (simulate(load, Scenario("alive"), design) for design in (replace(TWO, retry=None), TWO))
    assert {name: one[name] for name in ("p50", "p95", "p99", "worst")} == {
        name: two[name] for name in ("p50", "p95", "p99", "worst")
    }
    assert two["marks"] == 0


def test_the_same_load_gives_the_same_figures() -> None:
    assert simulate(LOAD, DEAD, TWO) == simulate(LOAD, DEAD, TWO)


def test_littles_law() -> None:
    """Mean number waiting = arrivals a second × mean wait, where a wait ends with the POST."""
    load = replace(LOAD, warm_up=0, median=0.5, sigma=0.0)
    simulation = Simulation(load, Design(Lane(1, 0.0, 22, pollers=22)), publish(load, Scenario("alive")),
                            Endpoints(load, Scenario("alive"), NO_TIME), NO_TIME)  # fmt: skip
    waiting: list[int] = []

    def look(_: None) -> None:
        waiting.append(simulation.mappings[0].queue.visible)
        simulation.clock.at(simulation.clock.now + 0.01, look)

    simulation.clock.at(0.0, look)
    simulation.run(load.seconds)
    arrived, published = simulation.worker.arrived, simulation.published.times
    waits = [min(at, load.seconds) - since for at, since in zip(arrived, published, strict=True)]
    assert mean(waiting) == pytest.approx(sum(waits) / load.seconds, rel=0.02)
    assert mean(waiting) > 1


def test_utilisation() -> None:
    """Mean batches at a time = attempts a second × seconds an attempt, when a batch is one message."""
    load = replace(LOAD, warm_up=0, median=0.5, sigma=0.0)
    published = publish(load, Scenario("alive"))
    endpoints = Endpoints(load, Scenario("alive"), NO_TIME)
    simulation = Simulation(load, Design(Lane(1, 0.0, 100, pollers=100)), published, endpoints, NO_TIME)
    simulation.run(load.seconds + 10)
    assert simulation.worker.counts.busy_seconds == pytest.approx(len(published.times) * 0.5)


def test_a_dead_webhook_holds_up_one_lane_and_not_two() -> None:
    load = replace(LOAD, rate=60, seconds=600)
    small = Design(Lane(10, 0.0, 6), Lane(20, 1.0, 3))
    one = simulate(load, DEAD, Design(Lane(10, 0.0, 9)))
    alive, two = (simulate(load, scenario, small) for scenario in (Scenario("alive"), DEAD))
    assert one["p99"] > 10 * alive["p99"]
    assert two["p99"] <= 4 * alive["p99"]


def test_a_dead_webhook_is_in_the_slow_lane_after_a_second() -> None:
    simulation, _ = run(TWO, DEAD)
    dead = next(iter(DEAD.dead_accounts(LOAD)))
    assert dead in simulation.worker.marks


def test_quiet_groups_go_first() -> None:
    """Group 0 has 30 of 31 messages in flight, and then waits behind group 1; without group 1 it gets its turn."""
    queue = Queue([0] * 60 + [1] * 3, 2)
    for message in [*range(40), 60]:
        queue.show(message)
    queue.take(30)
    assert queue.noisy_groups() == set()
    queue.find_noisy(1.0)
    assert queue.noisy_groups() == {0}
    assert queue.take(2) == [60, 30]


@pytest.mark.parametrize(("own", "noisy"), [(29, set()), (30, {20})])
def test_a_group_is_noisy_at_once_from_30_in_flight_on(own: int, noisy: set[int]) -> None:
    """Twenty others have had five each for minutes, so that the newcomer has no share of the time yet."""
    queue = Queue([number // 5 for number in range(100)] + [20] * own, 21)
    for message in range(100):
        queue.show(message)
    queue.take(100)
    for _ in range(300):
        queue.find_noisy(1.0)
    for message in range(100, 100 + own):
        queue.show(message)
    queue.take(own)
    queue.find_noisy(1.0)
    assert queue.noisy_groups() == noisy


def test_a_few_slow_messages_make_a_group_noisy() -> None:
    queue = Queue([*range(10), 10, 10], 11)
    for message in range(12):
        queue.show(message)
    queue.take(12)
    queue.find_noisy(1.0)
    assert queue.noisy_groups() == {10}  # 2 of 12 in flight, and of the time


def test_of_noisy_groups_the_one_with_the_fewest_in_flight_goes_first() -> None:
    queue = Queue([0] * 100 + [1] * 100, 2)
    for message in [*range(60), *range(100, 140)]:
        queue.show(message)
    assert len(queue.take(95)) == 95  # 60 of the first, 35 of the second
    queue.find_noisy(1.0)
    for message in (60, 141):
        queue.show(message)
    assert queue.noisy_groups() == {0, 1}
    assert queue.take(6) == [135, 136, 137, 138, 139, 141]
    queue.delete(0)
    assert queue.take(1) == [60]


def test_the_older_goes_first_also_when_it_comes_back() -> None:
    queue = Queue([0, 1, 2], 3)
    queue.show(0)
    assert queue.take(1) == [0]
    queue.show(1)
    queue.show_again(0)
    assert queue.take(10) == [0, 1]


def test_no_more_than_sqs_lets_be_in_flight() -> None:
    queue = Queue([0] * (IN_FLIGHT_LIMIT + 5), 1)
    for message in range(IN_FLIGHT_LIMIT + 5):
        queue.show(message)
    assert len(queue.take(IN_FLIGHT_LIMIT + 5)) == IN_FLIGHT_LIMIT
    assert queue.take(1) == []
    queue.delete(0)
    assert len(queue.take(5)) == 1


def mapping(lane: Lane, messages: int) -> tuple[Mapping, Clock, list[tuple[float, list[int]]]]:
    """One that notes when it begins which batch; each takes 100 s."""
    clock, begun = Clock(0.0), list[tuple[float, list[int]]]()

    def invoke(mapping: Mapping, batch: list[int]) -> float:
        begun.append((clock.now, batch))
        return clock.now + 100

    made = Mapping(lane, Queue([0] * messages, 1), clock, invoke)
    return made, clock, begun


def test_pollers_begin_with_five_and_become_300_a_minute_more() -> None:
    made, clock, begun = mapping(Lane(1, 0.0, 1000), 2000)
    for message in range(2000):
        made.queue.show(message)
    made.offer()
    assert len(begun) == 5
    for second in range(60):
        clock.run_until(second)
        made.tick()
    assert len(begun) == 305


def test_no_more_at_a_time_than_the_maximum_concurrency() -> None:
    made, _, begun = mapping(Lane(1, 0.0, 7), 100)
    for message in range(100):
        made.queue.show(message)
    made.offer()
    for _ in range(10):
        made.tick()
    assert len(begun) == made.running == 7


def test_a_window_gathers_until_it_is_over_or_the_batch_is_full() -> None:
    made, clock, begun = mapping(Lane(3, 1.0, 2, pollers=1), 10)
    for message in range(2):
        made.queue.show(message)
        made.offer()
    clock.run_until(0.9)
    assert begun == []
    clock.run_until(1.1)
    assert begun == [(1.0, [0, 1])]
    clock.run_until(101.5)
    for message in range(2, 6):
        made.queue.show(message)
        made.offer()
    assert [batch for _, batch in begun[1:]] == [[2, 3, 4]]


@pytest.mark.parametrize("slow", [0, 1])
def test_a_batch_lasts_as_long_as_its_slowest_attempt(slow: int) -> None:
    load, scenario = replace(LOAD, warm_up=0), Scenario("slow", slow={slow: 2.0})
    both = Published([0.0, 0.0], [0, 1])
    endpoints = Endpoints(load, scenario, NO_TIME)
    simulation = Simulation(load, Design(Lane(2, 1.0, 1, pollers=1)), both, endpoints, NO_TIME)
    simulation.run(10)
    assert simulation.worker.counts.invocations == 1
    assert simulation.worker.counts.busy_seconds == 2.0


def test_all_scenarios_are_found_in_small() -> None:
    load = Load(accounts=20, rate=20, seconds=60, warm_up=5)
    for scenario in plan.scenarios(load):
        found = simulate(load, scenario, plan.two_lanes(retry=3, delivery=5))
        assert found["missing"] == 0
        assert 0 <= found["affected"] < 0.5
