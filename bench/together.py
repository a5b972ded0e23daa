"""CPU and AWS calls of fanout's handler for events that come together, and for one that nobody wants."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench.fanout import DETAIL, account, event
from bench.measure import Prepare, counted, interleaved, medians, write
from fanout.handler import lambda_handler
from webhooks.clients import client
from webhooks.models import new_id


def together(account_ids: Sequence[str]) -> dict[str, Any]:
    """One event of each account named, as EventBridge invokes the function with a batch."""
    detail = {"data": DETAIL, "event": "message.incoming"}
    events = [detail | {"account_id": account_id, "id": new_id("evt")} for account_id in account_ids]
    return event("none") | {"detail-type": "batch", "detail": {"events": events}}


def figures(runs: int) -> dict[str, Any]:
    """CPU milliseconds an event. Each account has one webhook, which wants it, but for the one of which nobody does."""
    one, none = account(1), account(0)
    ten = [account(1) for _ in range(10)]
    works: dict[str, Callable[[], dict[str, Any]]] = {
        "one by one": lambda: event(one),
        "10 together, of 10 accounts": lambda: together(ten),
        "100 together, of 10 accounts": lambda: together(ten * 10),
        "nobody wants it": lambda: event(none),
    }
    per = {name: int(name.split()[0]) if "together" in name else 1 for name in works}

    found = interleaved({name: _prepared(make) for name, make in works.items()}, runs=runs)
    return {"cpu_ms": medians(found, per), "calls": {name: _calls(make()) for name, make in works.items()}}


def _prepared(make: Callable[[], dict[str, Any]]) -> Prepare:
    def prepare() -> Callable[[], object]:
        made = make()
        return lambda: lambda_handler(made, None)

    return prepare


def _calls(bus_event: dict[str, Any]) -> dict[str, int]:
    with counted(client("dynamodb"), client("sqs")) as calls:
        lambda_handler(bus_event, None)
    return dict(calls)


if __name__ == "__main__":
    output, _, runs = sys.argv[1:]
    write(output, figures(int(runs)))
