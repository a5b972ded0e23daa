"""axe-core finds nothing on any view, by day and by night, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.client import Client
from local.emulator import ROOT
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, looking

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    scheme, width = request.param
    with looking(
        browser, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce", bypass_csp=True
    ) as context:
        yield context


def check(page: Page, what: str) -> None:
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run({{runOnly: {RULES}}})")
    violations = [
        f"{what}: {rule['id']}: {rule['help']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    assert violations == []
    assert found["passes"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is wider than the screen"


def test_without_webhooks(portal: Portal, client: Client) -> None:
    page = portal.page
    page.goto(portal.address)
    expect(page.get_by_label("API key")).to_be_visible()
    check(page, "key")
    portal.open(client)
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    check(page, "empty list")
    portal.go("new")
    portal.page.get_by_text("Advanced: custom headers").click()
    portal.press("Add a header")
    portal.press("Create Webhook")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "form with errors")
    portal.go("wh_0")
    check(page, "not found")


def test_with_webhooks(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver, deployed: Deployed
) -> None:
    page = portal.page
    receiver.answer("/dead", Answer(500, body=b"down"))
    failing = create("Failing", "/dead", headers={"X-Api-Key": "secret"})
    event_id = client.post(f"/v1/webhooks/{failing['id']}/test", {"event": "message.read"}, 202)["event_id"]
    disabled = create("Disabled")
    client.patch(f"/v1/webhooks/{disabled['id']}", {"enabled": False})
    healthy = create("Healthy")
    client.await_webhook(failing["id"], lambda w: w["status"] == "failing", seconds=60)
    portal.open(client)
    expect(page.get_by_role("list", name="Webhooks").get_by_role("link")).to_have_count(3)
    check(page, "list")
    for webhook in (disabled, failing):
        portal.go(webhook["id"])
        check(page, webhook["name"])
    for opens, dialog in (
        ("Recover failed…", "Recover failed deliveries"),
        ("Rotate…", "Rotate the secret"),
        ("Delete", "Delete this webhook?"),
        ("Disable", "Disable this webhook?"),
    ):
        portal.press(opens)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        check(page, dialog)
        page.keyboard.press("Escape")
    portal.go(f"{failing['id']}/deliveries/{event_id}")
    page.get_by_text("Response body").first.click()
    check(page, "delivery")
    portal.go(f"{failing['id']}/edit")
    check(page, "edit")
    portal.go(f"{failing['id']}/secret")
    portal.press("Reveal")
    expect(page.locator("[data-secret]")).to_be_visible()
    check(page, "secret")
    portal.go(healthy["id"])
    portal.press("Send test event")
    expect(page.get_by_role("list", name="Deliveries")).to_contain_text("Delivered")
    check(page, "tested")
