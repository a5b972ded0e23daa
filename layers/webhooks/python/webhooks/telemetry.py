"""One structured line a unit of work, and metrics in CloudWatch's embedded format.

Each byte is paid for, at every delivery. A line has nothing that CloudWatch knows already: its time is `@timestamp`, its
function `@log`. What it leaves out has its usual value, which docs/operations.md names. Warnings and errors have a time all
the same, because Lambda believes no level without one.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import MutableMapping
from datetime import UTC, datetime
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING, Any

from webhooks.times import rfc3339

if TYPE_CHECKING:
    from webhooks.deliveries import Delivery
    from webhooks.messages import DeliveryMessage


ATTEMPTED = "delivery.attempted"
_UNLESS = {"level": "INFO", "message": ATTEMPTED, "unsent": 0}
"""Fields that are left out unless they have another value than this, or than None. Most lines are of attempts."""


class _Compact(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"level": record.levelname, "message": record.msg, **vars(record)["fields"]}
        if record.levelno > logging.INFO:
            line["timestamp"] = rfc3339(datetime.fromtimestamp(record.created, UTC))
        if record.exc_info and record.exc_info[0]:
            line |= {
                "exception_name": record.exc_info[0].__name__,
                "exception": self.formatException(record.exc_info),
            }
        written = {name: value for name, value in line.items() if value != _UNLESS.get(name)}
        return json.dumps(written, separators=(",", ":"), default=str)


class _Lines(logging.LoggerAdapter[logging.Logger]):
    """`info("event.fanned_out", webhooks=1)` writes a line with the field `webhooks`, as Powertools' Logger does."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        of_logging = {"exc_info": kwargs.pop("exc_info")} if "exc_info" in kwargs else {}
        return msg, of_logging | {"extra": {**kwargs, "fields": kwargs}}


_written = logging.StreamHandler(sys.stdout)
_lines = MemoryHandler(capacity=1000, target=_written)
"""Buffers lines until one thread writes them, but not errors: ten threads writing cost a tenth of deliver's CPU."""

_written.setFormatter(_Compact())
_NAME = "deliveries"
# Not Powertools' Logger, which the API has: a tenth of a cold start is its import.
logger = _Lines(logging.getLogger(_NAME))
logger.setLevel(logging.INFO)
logger.logger.addHandler(_lines)
for _root in logging.getLogger().handlers:  # Lambda's would write each line once more
    _root.addFilter(lambda record: record.name != _NAME)
_USUAL = {"round": 1, "lane": "delivery", "number": 1, "status_code": 200}
_lock = threading.Lock()
"""Two threads that add at once can lose one."""
_counts: Counter[str] = Counter()
_milliseconds: dict[str, list[int]] = {}


def log_delivery(what: str, of: Delivery | DeliveryMessage, **more: Any) -> None:
    """A line about a delivery, found by its event's id. Without the fields that are None or have their usual value."""
    fields = {"round": of.round, **more}
    unusual = {name: value for name, value in fields.items() if value is not None and value != _USUAL.get(name)}
    logger.info(what, event_id=of.event_id, webhook_id=of.webhook_id, **unusual)


def count(metric: str, times: int = 1) -> None:
    with _lock:
        _counts[metric] += times


def observe(metric: str, milliseconds: float) -> None:
    """At most 100 times an invocation: CloudWatch takes no more values of a metric in one line."""
    with _lock:
        _milliseconds.setdefault(metric, []).append(round(milliseconds))


def count_done(metric: str, line: str, delivery: Delivery) -> None:
    """Call it when the work is done: what is cut off before is done and counted when it is repeated."""
    count(metric)
    log_delivery(line, delivery)


def write_lines() -> None:
    """Writes the buffered lines."""
    _lines.flush()


def flush() -> None:
    """Call it at the end of an invocation: writes its lines, and its metrics if there are any."""
    write_lines()
    with _lock:
        values: dict[str, Any] = {**_counts, **_milliseconds}
        metrics = [{"Name": name} for name in _counts]
        metrics += [{"Name": name, "Unit": "Milliseconds"} for name in _milliseconds]
        _counts.clear()
        _milliseconds.clear()
    if metrics:
        sys.stdout.write(json.dumps(_embedded(metrics) | values, separators=(",", ":")) + "\n")


def _embedded(metrics: list[dict[str, str]]) -> dict[str, Any]:
    """The service is the only dimension, as every combination is billed."""
    namespace = os.environ["POWERTOOLS_METRICS_NAMESPACE"]
    declared = {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [declared]},
        "service": os.environ["POWERTOOLS_SERVICE_NAME"],
    }
