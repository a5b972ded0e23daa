"""How long an invocation takes: what it computes, with its part of a CPU, and what it waits."""

from __future__ import annotations

from math import ceil

from bench.load import FULL_CPU_MB, TIMEOUT_MS, Load, Measured

# What AWS's own answers take is not measured here: assumed, and small beside an endpoint's.
DYNAMODB_MS, SQS_MS = 5.0, 10.0
SIDE_BY_SIDE = 10
"""Calls that fanout makes at the same time."""


def fanout_ms(load: Load, measured: Measured) -> float:
    """Of an entry on the bus: reads, then writes, then sends, those of each kind side by side."""
    if load.together == 1:
        cpu = measured.fanout_event_ms + measured.fanout_each_ms * load.fan_out
    else:
        cpu = load.together * (measured.fanout_tens_ms + measured.fanout_each_ms * (load.fan_out - 1))
    sends = ceil(load.together * load.fan_out / 10)
    waits = 2 * DYNAMODB_MS * ceil(load.together / SIDE_BY_SIDE) + SQS_MS * ceil(sends / SIDE_BY_SIDE)
    return cpu * _slower(load) + waits


def unwanted_ms(load: Load, measured: Measured) -> float:
    """Of an entry on the bus of which nobody wants anything: it is read and logged."""
    return load.together * measured.fanout_unwanted_ms * _slower(load) + DYNAMODB_MS * ceil(
        load.together / SIDE_BY_SIDE
    )


def deliver_ms(load: Load, measured: Measured) -> float:
    """Of a batch of prompt endpoints: as long as its slowest POST."""
    return _batch_ms(load, measured, load.batch) + load.latency_ms


def retry_ms(load: Load, measured: Measured) -> float:
    """Of a batch of dead endpoints."""
    return _batch_ms(load, measured, load.retry_batch) + TIMEOUT_MS


def dead_letters_ms(load: Load, measured: Measured) -> float:
    """One message after the other, each read and written."""
    cpu = measured.deliver_batch_ms + measured.deliver_each_ms * load.batch
    return cpu * _slower(load) + 2 * load.batch * DYNAMODB_MS


def _batch_ms(load: Load, measured: Measured, size: float) -> float:
    """The part of a batch's time that is not waiting for its endpoints."""
    return (measured.deliver_batch_ms + measured.deliver_each_ms * size) * _slower(load) + 2 * DYNAMODB_MS


def _slower(load: Load) -> float:
    return max(FULL_CPU_MB / load.memory_mb, 1)
