"""One structured line a unit of work, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

import logging
import sys
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

if TYPE_CHECKING:
    from webhooks.messages import DeliveryMessage
    from webhooks.models import Delivery

_written = logging.StreamHandler(sys.stdout)
_lines = MemoryHandler(capacity=1000, target=_written)
"""Lines wait until one thread writes them, errors do not: ten threads that write at once are a tenth of deliver's CPU."""

logger = Logger(location=None, logger_handler=_lines)
_written.setFormatter(logger.registered_formatter)
metrics = Metrics()


def tell(what: str, of: Delivery | DeliveryMessage, **more: Any) -> None:
    """A line about a delivery, found by its event's id."""
    logger.info(what, account_id=of.account_id, webhook_id=of.webhook_id, event_id=of.event_id, round=of.round, **more)


def write_lines() -> None:
    """Those that wait."""
    _lines.flush()


def flush() -> None:
    """At the end of an invocation: writes its lines, and its metrics if there are any."""
    write_lines()
    if metrics.provider.metric_set:
        metrics.flush_metrics()
