"""With as many webhooks as an account may have, and thousands of deliveries, the page is quick to show the first."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from local.client import Client
from tests.deployed import Deployed
from tests.portal.browser import Portal
from webhooks.deliveries import Attempt, Delivery
from webhooks.items import delivery_item
from webhooks.times import now, parse_time, rfc3339

WEBHOOKS, DELIVERIES = 100, 3000
MAX_SECONDS = 15
"""On a machine that others use, too. Alone, a tenth."""


def deliveries(webhook: Any, account_id: str) -> list[Delivery]:
    """Of the last day, one in ten of them failed."""
    at = rfc3339(now())
    attempt = Attempt(1, 1, at, 84, status_code=200, response_body="ok")
    newest = Delivery(
        webhook_id=webhook["id"], account_id=account_id, event_id="evt_0", event="message.incoming", accepted_at=at,
        status="delivered", round=1, round_started_at=at, attempts=[attempt], version=1,
    )  # fmt: skip
    times = [rfc3339(parse_time(at) - timedelta(seconds=28 * number)) for number in range(DELIVERIES)]
    return [
        replace(newest, event_id=f"evt_{n}", accepted_at=time, status="delivered" if n % 10 else "failed")
        for n, time in enumerate(times)
    ]


@pytest.mark.slow  # of interest are the figures that it prints
def test_100_webhooks_and_3000_deliveries(portal: Portal, account: tuple[str, Client], deployed: Deployed) -> None:
    page, (account_id, client) = portal.page, account
    for number in range(WEBHOOKS):
        values = {"name": f"Branch {number}", "url": f"https://localhost/{number}", "events": ["message.incoming"]}
        webhook = client.post("/v1/webhooks", values, 201)
    dynamodb, table = deployed.outputs.client("dynamodb"), deployed.resources["LogTable"]
    items = [delivery_item(delivery, 30) for delivery in deliveries(webhook, account_id)]
    for start in range(0, DELIVERIES, 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        assert not dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]

    portal.open(client, webhook["id"])
    page.wait_for_load_state("networkidle")  # as many functions as it needs side by side have started then
    portal.go("")
    page.wait_for_load_state("networkidle")
    started = time.monotonic()
    page.reload()
    rows = page.get_by_role("list", name="Webhooks").get_by_role("link")
    expect(rows.first).to_be_visible()
    listed = time.monotonic() - started
    expect(rows).to_have_count(WEBHOOKS)

    started = time.monotonic()
    page.goto(f"{portal.address}#/{webhook['id']}")
    expect(page.get_by_role("list", name="Deliveries").get_by_role("link").first).to_be_visible()
    logged = time.monotonic() - started
    health = page.get_by_role("region", name="Health")
    expect(health).to_contain_text(f"{DELIVERIES * 9 // 10} of {DELIVERIES}, 90 %")
    counted = time.monotonic() - started
    print(f"first row of {WEBHOOKS} webhooks after {listed:.2f} s, of {DELIVERIES} deliveries after {logged:.2f} s, ")
    print(f"their statistics after {counted:.2f} s")
    assert max(listed, logged, counted) < MAX_SECONDS
