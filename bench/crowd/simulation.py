"""Publishing, the queues, their mappings and the worker, in simulated time."""

from __future__ import annotations

from bench.crowd.clock import Clock
from bench.crowd.mapping import Mapping
from bench.crowd.queue import Queue
from bench.crowd.scenario import Endpoints, Published
from bench.crowd.settings import Design, Lane, Load, Times
from bench.crowd.worker import Worker


class Simulation:
    def __init__(
        self, load: Load, design: Design, published: Published, endpoints: Endpoints, times: Times | None = None
    ) -> None:
        self.published = published
        self.times = times or Times()
        self.began = -load.warm_up
        self.clock = Clock(self.began)
        self.worker = worker = Worker(load, self.times, published, endpoints, self.clock)

        def mapping(lane: Lane) -> Mapping:
            return Mapping(lane, Queue(published.accounts, load.accounts, fair=design.fair), self.clock, worker.begin)

        worker.delivery = mapping(design.delivery)
        worker.retry = mapping(design.retry) if design.retry else worker.delivery
        self.mappings = list(dict.fromkeys((worker.delivery, worker.retry)))
        self.peak_running = 0
        self.clock.at(self.began, self._tick)

    def run(self, until: float) -> None:
        """Everything is published, and what else happens before `until` happens."""
        fanout = self.times.fanout
        for number, at in enumerate(self.published.times):
            self.clock.run_until(at + fanout)
            self._fan_out(number)
        self.clock.run_until(until)

    def unsettled(self) -> int:
        counts = self.worker.counts
        return len(self.published.times) - counts.delivered - counts.dead_lettered

    def _fan_out(self, number: int) -> None:
        worker = self.worker
        mapping = worker.retry if self.published.accounts[number] in worker.marks else worker.delivery
        worker.counts.requests += 1
        mapping.queue.show(number)
        mapping.offer()

    def _tick(self, _: None) -> None:
        for mapping in self.mappings:
            mapping.queue.find_noisy(1.0)
            mapping.tick()
        self.peak_running = max(self.peak_running, sum(mapping.running for mapping in self.mappings))
        self.clock.at(self.clock.now + 1.0, self._tick)
