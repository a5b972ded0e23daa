"""A wait is counted down to the eye; who hears the page is told once, as each change of a status line is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from local.client import Client
from tests.portal.browser import Portal, run_for, stand_still

HEARD = """line => {
  const heard = line.cloneNode(true);
  heard.querySelectorAll('[aria-hidden]').forEach((hidden) => hidden.remove());
  return heard.textContent;
}"""


def refuse_once(page: Page, url: str) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(
            status=429,
            headers={"Retry-After": "42"},
            content_type="application/problem+json",
            json={"detail": "too many; wait"},
        )

    page.route(url, refuse, times=1)


def seen(line: Locator) -> Locator:
    return line.locator("[aria-hidden]")


@pytest.fixture
def webhook(portal: Portal, client: Client, create: Callable[..., Any]) -> Any:
    made = create()
    portal.page.clock.install()
    portal.open(client, made["id"])
    stand_still(portal.page)
    return made


def test_an_action_that_has_to_wait(portal: Portal, webhook: Any) -> None:
    page = portal.page
    refuse_once(page, f"**/{webhook['id']}/test")
    portal.press("Send test event")
    line = page.get_by_role("region", name="Send a test event").get_by_role("status")
    expect(seen(line)).to_have_text("Try again in 42 s.")
    run_for(page, 10)
    expect(seen(line)).to_have_text("Try again in 32 s.")
    assert line.evaluate(HEARD) == "Too many. Try again in 42 s."
    run_for(page, 35)
    expect(line).to_have_text("Too many. You can try again now.")


def test_a_recovery_that_has_to_wait(portal: Portal, webhook: Any) -> None:
    page = portal.page
    refuse_once(page, f"**/{webhook['id']}/recover")
    portal.press("Resend failed…")
    dialog = page.get_by_role("dialog", name="Resend failed deliveries")
    dialog.get_by_role("button", name="Resend").click()
    line = dialog.get_by_role("status")
    expect(seen(line)).to_have_text("Continuing in 42 s…")
    run_for(page, 10)
    expect(seen(line)).to_have_text("Continuing in 32 s…")
    assert line.evaluate(HEARD) == "Sent again so far: 0. Continuing in 42 s…"
    run_for(page, 35)
    expect(line).to_have_text("Nothing has failed since then.")
