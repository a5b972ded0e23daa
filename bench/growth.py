"""What an event costs when everything around it has grown ten- and hundredfold: it should not care."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench import cloud
from bench.batches import ACCOUNT, handled, messages, sqs_event
from bench.fanout import account, calls_of, event, prepared
from bench.measure import counted, interleaved, medians, write
from fanout.handler import lambda_handler as fan_out
from webhooks.clients import client
from webhooks.deliveries import Attempt, Delivery
from webhooks.items import delivery_item
from webhooks.models import new_id

TIMES = (1, 10, 100)


def figures(url: str, runs: int) -> dict[str, Any]:
    return {
        "webhooks of the account, 1 of them wants the event": _webhooks(runs),
        "deliveries in the webhook's log": _log(url, runs),
        "accounts": _accounts(runs),
    }


def _webhooks(runs: int) -> dict[str, Any]:
    accounts = {str(times): account(1, times - 1) for times in TIMES}
    found = interleaved({size: prepared(account_id) for size, account_id in accounts.items()}, runs=runs)
    calls = {size: sum(calls_of(account_id).values()) for size, account_id in accounts.items()}
    return {"cpu_ms": medians(found), "calls": calls, "unit": "event"}


def _log(url: str, runs: int) -> dict[str, Any]:
    """A batch of ten for ten webhooks, each of which has so many deliveries in its log."""
    webhooks = {str(100 * times): [cloud.webhook(f"{url}/{i}", ACCOUNT) for i in range(10)] for times in TIMES}
    cloud.put_webhooks([webhook for ten in webhooks.values() for webhook in ten])
    for size, ten in webhooks.items():
        # The table holds them all; ten thousand under one key are as many as one busy webhook's.
        cloud.put_items(cloud.LOG, [_logged(ten[0].id) for _ in range(int(size))])
    works = {size: (lambda ten=ten: handled(sqs_event(messages(ten)))) for size, ten in webhooks.items()}
    found = interleaved(works, runs=runs)
    calls = {size: _calls(work) / 10 for size, work in works.items()}
    return {"cpu_ms": medians(found, 10), "calls": calls, "unit": "delivery"}


def _accounts(runs: int) -> dict[str, Any]:
    """The table grows between the measurements, so these cannot take turns; each stage has its own account to compare."""
    cpu: dict[str, float] = {}
    calls: dict[str, float] = {}
    there = 0
    for times in TIMES:
        cloud.put_webhooks([cloud.webhook("https://example.com/", new_id("acct")) for _ in range(10 * times - there)])
        there = 10 * times
        account_id = account(1)
        cpu |= {str(there): medians(interleaved({"event": prepared(account_id)}, runs=runs))["event"]}
        calls |= {str(there): sum(calls_of(account_id).values())}
    return {"cpu_ms": cpu, "calls": calls, "unit": "event"}


def _calls(work: Callable[[], Callable[[], object]]) -> int:
    run = work()
    with counted(client("dynamodb"), client("sqs"), client("events")) as calls:
        run()
    return sum(calls.values())


def _logged(webhook_id: str) -> dict[str, Any]:
    at = "2026-05-29T10:30:00.000Z"
    attempt = Attempt(1, 1, at, 40, status_code=200, response_body="ok")
    delivery = Delivery(
        webhook_id=webhook_id, account_id=ACCOUNT, event_id=new_id("evt"), event="message.incoming", accepted_at=at,
        status="delivered", round=1, round_started_at=at, attempts=[attempt], version=1,
    )  # fmt: skip
    return delivery_item(replace(delivery, message_id=new_id("m")), log_days=30)


if __name__ == "__main__":
    fan_out(event(account(1)), None)
    output, url, runs = sys.argv[1:]
    write(output, figures(url, int(runs)))
