"""Dollars per million deliveries: the measured CPU, calls and bytes, at AWS's prices.

A worked example by hand is in tests/unit/test_bench.py; docs/cost.md explains the formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from bench import prices

ATTEMPTS = 4
TIMEOUT_MS = 5000.0
MILLION = 1_000_000
GB = 1e9
# What AWS's own answers take is not measured here: assumed, and small beside an endpoint's.
DYNAMODB_MS, SQS_MS = 5.0, 10.0
FULL_CPU_MB = 1769
"""Lambda gives a function a whole CPU at this memory size, and of it in proportion below."""


@dataclass(frozen=True)
class Measured:
    """CPU in ms on one core, sizes in bytes."""

    deliver_batch_ms: float
    """The part of a batch's CPU that does not depend on how full it is."""
    deliver_each_ms: float
    fanout_event_ms: float
    fanout_each_ms: float
    event_item: int
    delivery_item: int
    webhook_item: int
    message: int
    post: int
    fanout_log: int
    deliver_batch_log: int
    deliver_each_log: int
    platform_log: int


@dataclass(frozen=True)
class Load:
    """`dead`: the share of deliveries whose endpoint never answers. `others`: webhooks of the account not subscribed."""

    fan_out: int = 1
    batch: int = 10
    latency_ms: float = 300.0
    dead: float = 0.0
    others: int = 0
    memory_mb: int = 512


def per_million(load: Load, measured: Measured) -> dict[str, float]:
    """Dollars for a million deliveries, by what they are paid for."""
    attempts = 1 - load.dead + ATTEMPTS * load.dead
    events, batches = 1 / load.fan_out, attempts / load.batch
    sends = ceil(load.fan_out / 10) / load.fan_out
    judged = load.dead / load.batch  # batches of the dead-letter queue
    # A failed batch changes visibility once; its messages are received again.
    changes = ATTEMPTS * load.dead / load.batch if load.dead else 0.0
    one = {
        "EventBridge": events * prices.EVENT.dollars,
        "Lambda fanout": events * _lambda(fanout_ms(load, measured), load.memory_mb),
        "Lambda deliver": batches * _lambda(deliver_ms(load, measured), load.memory_mb)
        + judged * _lambda(_judge_ms(load, measured), load.memory_mb),
        "SQS": (sends + 2 * batches + changes + 2 * judged)
        * (prices.SQS_REQUEST.dollars + prices.FAIR_QUEUE_REQUEST.dollars),
        "DynamoDB writes": _writes(load, measured, attempts) * prices.WRITE.dollars,
        "DynamoDB reads": _reads(load, measured, attempts) * prices.READ.dollars,
        "Logs": _log_bytes(load, measured, attempts) / GB * (prices.LOG_GB.dollars + prices.LOG_GB_MONTH.dollars),
        "Table storage, 30 days": kept_bytes(load, measured)
        / GB
        * (prices.TABLE_GB_MONTH.dollars + prices.PITR_GB_MONTH.dollars),
        "Sent to endpoints": attempts * measured.post / GB * prices.TRANSFER_GB.dollars,
    }
    return {name: dollars * MILLION for name, dollars in one.items()}


def total(load: Load, measured: Measured) -> float:
    return sum(per_million(load, measured).values())


def fanout_ms(load: Load, measured: Measured) -> float:
    """How long one event takes: the CPU that 512 MB give are a part of one, and nothing is done while AWS answers."""
    cpu = measured.fanout_event_ms + measured.fanout_each_ms * load.fan_out
    return cpu * _slower(load) + 2 * DYNAMODB_MS + ceil(load.fan_out / 10) * SQS_MS


def deliver_ms(load: Load, measured: Measured) -> float:
    """How long a batch takes: as long as its slowest POST, which is a dead one's 5 s if there is one in it."""
    attempts_of_dead = ATTEMPTS * load.dead
    share = attempts_of_dead / (1 - load.dead + attempts_of_dead)
    all_alive = (1 - share) ** load.batch
    waiting = all_alive * load.latency_ms + (1 - all_alive) * TIMEOUT_MS
    cpu = measured.deliver_batch_ms + measured.deliver_each_ms * load.batch
    return cpu * _slower(load) + waiting + 2 * DYNAMODB_MS


def _judge_ms(load: Load, measured: Measured) -> float:
    cpu = measured.deliver_batch_ms + measured.deliver_each_ms * load.batch
    return cpu * _slower(load) + (1 + load.batch) * DYNAMODB_MS


def _slower(load: Load) -> float:
    return max(FULL_CPU_MB / load.memory_mb, 1)


def _lambda(ms: float, memory_mb: int) -> float:
    return prices.LAMBDA_REQUEST.dollars + ms / 1000 * memory_mb / 1024 * prices.LAMBDA_GB_SECOND.dollars


def _writes(load: Load, measured: Measured, attempts: float) -> float:
    """Units a delivery: the event's share, one write an attempt; and of the dead ones a transaction, which counts twice."""
    judged = 2 * (_kb(measured.delivery_item) + _kb(measured.webhook_item)) + 1  # and the sparse index
    return _kb(measured.event_item) / load.fan_out + attempts * _kb(measured.delivery_item) + load.dead * judged


def _reads(load: Load, measured: Measured, attempts: float) -> float:
    """Units a delivery: the account's webhooks once an event; at each attempt its webhook and its log, there or not."""
    account = ceil((load.fan_out + load.others) * measured.webhook_item / 4096)
    return account / load.fan_out + 2 * attempts + 2 * load.dead


def _log_bytes(load: Load, measured: Measured, attempts: float) -> float:
    event = measured.fanout_log + measured.platform_log
    batch = measured.deliver_batch_log + measured.platform_log
    return event / load.fan_out + attempts * (measured.deliver_each_log + batch / load.batch)


def kept_bytes(load: Load, measured: Measured) -> float:
    """Each item counts 100 bytes more; a dead one's item has its four attempts."""
    delivery = measured.delivery_item + 100 + load.dead * (ATTEMPTS - 1) * 100
    return (measured.event_item + 100) / load.fan_out + delivery


def _kb(size: int) -> int:
    return ceil(size / 1024)
