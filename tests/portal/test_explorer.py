"""The API explorer, which is served from the page's own origin."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from local.client import Client
from tests.portal.browser import Portal

TRIED = "(async (read) => { try { return String(await read()); } catch (error) { return error.name; } })"
STORED = f"{TRIED}(() => JSON.stringify({{...sessionStorage, ...localStorage}}))"


def open_explorer(page: Page, portal: Portal) -> None:
    page.goto(portal.address.replace("/settings/webhooks", "/docs"))
    expect(page.get_by_role("heading", name="AIsoule Webhooks")).to_be_visible()


def test_it_shows_the_calls_and_makes_none(portal: Portal) -> None:
    """Its example of publishing can be used twice, and its link leads to the specification: in one look, which costs 4 s."""
    page = portal.page
    open_explorer(page, portal)
    page.get_by_text("Create a webhook", exact=True).click()
    expect(page.get_by_role("heading", name="Request body")).to_be_visible()
    expect(page.get_by_role("button", name="Try it out")).to_have_count(0)
    expect(page.get_by_role("button", name="Authorize")).to_have_count(0)

    page.get_by_text("Create a webhook", exact=True).click()  # closes it
    page.get_by_text("Publish an event", exact=True).click()
    body = page.locator(".opblock-section-request-body")
    expect(body).to_contain_text("Hello, I need help with my order")
    expect(body).not_to_contain_text('"id"')

    with page.expect_popup() as popup:
        page.get_by_role("link", name="format=json").click()
    expect(popup.value.locator("body")).to_contain_text('"openapi"')


def test_it_cannot_read_the_pages_key(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client)
    assert "aisoule.webhooks" in page.evaluate(STORED)
    open_explorer(page, portal)
    assert page.evaluate("origin") == "null"
    assert page.evaluate(STORED) == "SecurityError"


def test_it_cannot_reach_into_the_page(browser: Browser, portal: Portal) -> None:
    """The browser refuses to show it the page in a window that it opened; and it cannot make calls of its own."""
    with browser.new_context() as context:  # not watched: the browser says on the console what it refuses
        page = context.new_page()
        open_explorer(page, portal)
        with context.expect_event("requestfailed", lambda request: request.url == portal.address) as refused:
            page.evaluate("address => { window.opened = open(address); }", portal.address)
        assert refused.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
        assert page.evaluate(f"{TRIED}(() => opened.document.title)") == "SecurityError"
        assert page.evaluate(f"address => {TRIED}(() => fetch(address))", portal.address) == "TypeError"
