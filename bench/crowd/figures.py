"""What a simulated run says: how long healthy deliveries took, how many batches ran at a time, what it cost."""

from __future__ import annotations

from collections import defaultdict
from math import isinf
from typing import Any

from bench import prices
from bench.crowd.scenario import Endpoints, Scenario, publish
from bench.crowd.settings import Design, Load, Times
from bench.crowd.simulation import Simulation
from bench.measure import quantile

Figures = dict[str, Any]

MEMORY_GB = 0.25
COUNTED_EVENTS = 100
"""An account with fewer has no p99 to speak of."""
DRAIN_SECONDS = 60.0
"""The run goes on for so long after the last event; what has not arrived by then counts as arriving at the end."""


def simulate(load: Load, scenario: Scenario, design: Design) -> Figures:
    published = publish(load, scenario)
    simulation = Simulation(load, design, published, Endpoints(load, scenario, Times()))
    simulation.run(load.seconds + DRAIN_SECONDS)
    return _healthy(simulation, scenario.affected(load)) | _used(simulation)


def _healthy(simulation: Simulation, affected: set[int]) -> Figures:
    """Milliseconds from publishing to the first POST."""
    ends, published = simulation.clock.now, simulation.published
    by_account: dict[int, list[float]] = defaultdict(list)
    healthy: list[float] = []
    for arrived, at, account in zip(simulation.worker.arrived, published.times, published.accounts, strict=True):
        if at >= 0 and account not in affected:
            healthy.append(arrived)
            by_account[account].append((min(arrived, ends) - at) * 1000)
    values = sorted(value for of_account in by_account.values() for value in of_account)
    worst = max(quantile(values, 0.99) for values in by_account.values() if len(values) >= COUNTED_EVENTS)
    return {
        "p50": quantile(values, 0.5),
        "p95": quantile(values, 0.95),
        "p99": quantile(values, 0.99),
        "worst": worst,
        "missing": sum(map(isinf, healthy)) / len(healthy),
        "affected": sum(account in affected for account in published.accounts) / len(published.times),
    }


def _used(simulation: Simulation) -> Figures:
    counts = simulation.worker.counts
    lasted = simulation.clock.now - simulation.began
    return {
        "mean_running": counts.busy_seconds / lasted,
        "peak_running": simulation.peak_running,
        "retries_late": quantile(counts.late, 0.99) if counts.late else 0.0,
        "in_flight": max(mapping.queue.peak_in_flight for mapping in simulation.mappings),
        "retry_fill": simulation.worker.retry.messages / max(simulation.worker.retry.batches, 1),
        "marks": simulation.worker.marks.written,
        "dollars": _dollars(simulation) / len(simulation.published.times) * 1e6,
    }


def _dollars(simulation: Simulation) -> float:
    """Of what the designs differ in: deliver's invocations, the queues' requests, an attempt's reads and its write."""
    counts = simulation.worker.counts
    return (
        counts.invocations * prices.LAMBDA_REQUEST.dollars
        + counts.busy_seconds * MEMORY_GB * prices.LAMBDA_GB_SECOND.dollars
        + counts.requests * (prices.SQS_REQUEST.dollars + prices.FAIR_QUEUE_REQUEST.dollars)
        + counts.received * 2 * prices.READ.dollars
        + (counts.attempts + simulation.worker.marks.written) * prices.WRITE.dollars
    )
