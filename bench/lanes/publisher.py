"""Publishes its part of a run's events on time, through fanout's handler as the bus would invoke it.

python -m bench.lanes.publisher <run as JSON> <part> <parts>
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.lanes.load import Run
from fanout.handler import lambda_handler
from webhooks.event_types import EVENT_TYPES


def main() -> None:
    ready, part, parts = sys.argv[1:]
    Path(ready).touch()
    run = Run(**json.loads(sys.stdin.readline()))
    for number in run.numbers()[int(part) :: int(parts)]:
        time.sleep(max(run.published_at(number) - time.time(), 0))
        lambda_handler(_bus_event(run, number), None)


def _bus_event(run: Run, number: int) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"bus-{number}",
        "detail-type": "message.incoming",
        "source": "aisoule",
        "account": "000000000000",
        "time": "2026-05-29T10:30:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "account_id": run.account(number),
            "data": EVENT_TYPES["message.incoming"].example,
            "id": run.event_id(number),
        },
    }


if __name__ == "__main__":
    main()
