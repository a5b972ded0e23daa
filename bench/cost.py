"""Dollars per million deliveries: the measured CPU, calls and bytes, at AWS's prices.

A worked example by hand is in tests/unit/test_bench.py; docs/cost.md explains the formula.
"""

from __future__ import annotations

from math import ceil

from bench import prices
from bench.durations import dead_letters_ms, deliver_ms, fanout_ms, retry_ms, unwanted_ms
from bench.load import ATTEMPTS, Load, Measured

MILLION = 1_000_000
GB = 1e9
_LOG_GB = prices.LOG_GB.dollars + prices.LOG_GB_MONTH.dollars
_REQUEST = prices.SQS_REQUEST.dollars + prices.FAIR_QUEUE_REQUEST.dollars


def per_million(load: Load, measured: Measured) -> dict[str, float]:
    """Dollars for a million deliveries, by what they are paid for."""
    entries = 1 / load.fan_out / load.together
    one = {
        "EventBridge": entries * prices.EVENT.dollars,
        "Lambda fanout": entries * invocation(fanout_ms(load, measured), load.memory_mb),
        "Lambda deliver": (1 - load.dead) / load.batch * invocation(deliver_ms(load, measured), load.memory_mb)
        + ATTEMPTS * load.dead / load.retry_batch * invocation(retry_ms(load, measured), load.memory_mb)
        + load.dead / load.batch * invocation(dead_letters_ms(load, measured), load.memory_mb),
        "SQS": _requests(load) * _REQUEST,
        "DynamoDB writes": _writes(load, measured) * prices.WRITE.dollars,
        "DynamoDB reads": _reads(load, measured) * prices.READ.dollars,
        "Logs": _log_bytes(load, measured) / GB * _LOG_GB,
        "Table storage, 30 days": kept_bytes(load, measured) / GB * prices.TABLE_GB_MONTH.dollars,
        "Sent to endpoints": load.attempts * measured.post / GB * prices.TRANSFER_GB.dollars,
    }
    return {name: dollars * MILLION for name, dollars in one.items()}


def total(load: Load, measured: Measured) -> float:
    return sum(per_million(load, measured).values())


def unwanted(load: Load, measured: Measured) -> dict[str, float]:
    """Dollars for a million events that none of the account's webhooks, of which there are `others`, wants."""
    one = {
        "EventBridge": prices.EVENT.dollars / load.together,
        "Lambda fanout": invocation(unwanted_ms(load, measured), load.memory_mb) / load.together,
        "DynamoDB reads": _account_units(load.others, measured) * prices.READ.dollars,
        "Logs": measured.unwanted_log / GB * _LOG_GB,
    }
    return {name: dollars * MILLION for name, dollars in one.items()}


def invocation(ms: float, memory_mb: int) -> float:
    return prices.LAMBDA_REQUEST.dollars + ms / 1000 * memory_mb / 1024 * prices.LAMBDA_GB_SECOND.dollars


def kept_bytes(load: Load, measured: Measured) -> float:
    """Each item counts 100 bytes more."""
    delivery = (1 - load.dead) * measured.delivery_item + load.dead * measured.dead_item
    return (measured.event_item + 100) / load.fan_out + delivery + 100


def _requests(load: Load) -> float:
    """
    Requests to SQS a delivery. By ten at most: an attempt's receive and, if it failed, its change of visibility; what is
    delivered is deleted. A dead one's message is sent to the dead-letter queue in the end instead of hidden, deleted, and
    received and deleted there.
    """
    messages = load.together * load.fan_out
    sends = ceil(messages / 10) / messages
    dead = (2 * ATTEMPTS + 1) / min(load.retry_batch, 10) + 2 / load.batch
    return sends + (1 - load.dead) * 2 / load.batch + load.dead * dead


def _writes(load: Load, measured: Measured) -> float:
    """
    Units a delivery: the event's share, one write an attempt; of the dead ones the last status, and the sparse index once.
    Their webhook is failing already, so it is not written again in a transaction.
    """
    dead = (ATTEMPTS + 1) * _kb(measured.dead_item) + 1
    delivery = (1 - load.dead) * _kb(measured.delivery_item) + load.dead * dead
    return _kb(measured.event_item) / load.fan_out + delivery


def _reads(load: Load, measured: Measured) -> float:
    """Units a delivery: the account's webhooks once an event; at each attempt its webhook and its log, there or not."""
    account = _account_units(load.fan_out + load.others, measured)
    return account / load.fan_out + 2 * load.attempts + 2 * load.dead


def _account_units(webhooks: int, measured: Measured) -> int:
    return max(ceil(webhooks * measured.webhook_item / 4096), 1)


def _log_bytes(load: Load, measured: Measured) -> float:
    event = measured.fanout_log if load.together == 1 else measured.fanout_tens_log
    alive = measured.deliver_each_log + measured.deliver_batch_log / load.batch
    # The line of each attempt, one more in the end; and the metrics.
    dead = ATTEMPTS * (measured.failed_log + measured.deliver_batch_log / load.retry_batch) + measured.failed_log
    return event / load.fan_out + (1 - load.dead) * alive + load.dead * dead


def _kb(size: int) -> int:
    return ceil(size / 1024)
