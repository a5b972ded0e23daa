"""From PutEvents to the POST's arrival, on the whole deployed stack: the emulator's times, not AWS's."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bench.measure import quantile
from local import ca, stack
from local.client import account_client
from local.receiver import receiving
from webhooks.event_types import EVENT_TYPES
from webhooks.models import new_id

_WARM_UP = 20
"""Events that are not counted."""


def figures(directory: Path, *, events: int) -> dict[str, float]:
    """Wall-clock milliseconds, one event at a time, so that no event waits for another."""
    try:
        outputs = stack.up(directory, retry_delays=(1, 2, 3), say=lambda _: None)
        with receiving(ca.server_context(Path(outputs.ca_file), Path(outputs.ca_key_file))) as receiver:
            account_id = new_id("acct")
            account = account_client(outputs, account_id)
            account.post(
                "/v1/webhooks", {"name": "bench", "url": receiver.url("/hook"), "events": ["message.incoming"]}, 201
            )
            account.close()
            bus = outputs.client("events")
            took: list[float] = []
            for number in range(_WARM_UP + events):
                detail = {
                    "account_id": account_id,
                    "data": EVENT_TYPES["message.incoming"].example,
                    "id": f"bench-{number}",
                }
                entry = {"Source": "aisoule", "DetailType": "message.incoming", "Detail": json.dumps(detail)}
                at = time.time()
                bus.put_events(Entries=[entry | {"EventBusName": outputs.event_bus_name}])
                arrived = receiver.wait_for("/hook", number + 1, seconds=60)[-1]
                took.append((arrived.at - at) * 1000)
    finally:
        stack.down(directory)
    warm = took[_WARM_UP:]
    return {"p50": quantile(warm, 0.5), "p95": quantile(warm, 0.95), "p99": quantile(warm, 0.99), "events": events}
