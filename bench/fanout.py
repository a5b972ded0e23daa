"""CPU and AWS calls of fanout's handler for an event, by how many webhooks want it; and of one in a batch of 100."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench import cloud
from bench.measure import counted, interleaved, medians, write
from fanout.handler import lambda_handler
from webhooks.clients import client
from webhooks.event_types import EVENT_TYPES
from webhooks.models import new_id

BATCH = 100
DETAIL = dict(EVENT_TYPES["message.incoming"].example)


def event(account_id: str) -> dict[str, Any]:
    """As EventBridge invokes the function."""
    return {
        "version": "0",
        "id": new_id("bus"),
        "detail-type": "message.incoming",
        "source": "aisoule",
        "account": "000000000000",
        "time": "2026-05-29T10:30:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"account_id": account_id, "data": DETAIL, "id": new_id("evt")},
    }


def batch(account_ids: Sequence[str]) -> dict[str, Any]:
    """A hundred events of the accounts in turn, as EventBridge invokes the function with them."""
    details = [event(account_ids[number % len(account_ids)])["detail"] for number in range(BATCH)]
    events = [detail | {"event": "message.incoming"} for detail in details]
    return event("") | {"detail-type": "batch", "detail": {"events": events}}


def batched(account_ids: Sequence[str]) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        made = batch(account_ids)
        return lambda: lambda_handler(made, None)

    return prepare


def batch_figures(runs: int) -> dict[str, float]:
    """CPU ms an event."""
    accounts = [account(1) for _ in range(BATCH)]
    works = {
        "one by one": prepared(accounts[0]),
        "in a batch of 100, all of one account": batched(accounts[:1]),
        "in a batch of 100, each of another account": batched(accounts),
        "one by one, nobody wants it": prepared(account(0, 1)),
        "in a batch of 100, nobody wants them": batched([account(0, 1)]),
    }
    per = {name: 1 if name.startswith("one") else BATCH for name in works}
    return medians(interleaved(works, runs=runs), per)


def prepared(account_id: str) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        made = event(account_id)
        return lambda: lambda_handler(made, None)

    return prepare


def account(wanting: int, others: int = 0) -> str:
    """A new account with so many webhooks that want the event, and others that want another one."""
    account_id = new_id("acct")
    webhooks = [cloud.webhook("https://example.com/hook", account_id) for _ in range(wanting)]
    webhooks += [
        cloud.webhook("https://example.com/hook", account_id, events=["contact.created"]) for _ in range(others)
    ]
    cloud.put_webhooks(webhooks)
    return account_id


def calls_of(account_id: str) -> dict[str, int]:
    with counted(client("dynamodb"), client("sqs")) as calls:
        lambda_handler(event(account_id), None)
    return dict(calls)


def figures(runs: int) -> dict[str, Any]:
    accounts = {"1": account(1), "10": account(10), "100": account(100), "1 of 100": account(1, 99)}
    found = interleaved({name: prepared(account_id) for name, account_id in accounts.items()}, runs=runs)
    return {
        "cpu_ms": medians(found),
        "calls": {name: calls_of(account_id) for name, account_id in accounts.items()},
        "batch_cpu_ms": batch_figures(max(runs // 3, 1)),
    }


if __name__ == "__main__":
    output, _, runs = sys.argv[1:]
    write(output, figures(int(runs)))
