"""The address that gets a mail when a webhook begins to fail, where the installation sends mails."""

from __future__ import annotations

from playwright.sync_api import expect

from local.client import Client
from tests.portal.browser import Portal


def test_an_address_is_set_switched_off_and_removed(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client)
    dialog = page.get_by_role("dialog", name="Email alerts")
    portal.press("Email alerts…")
    expect(dialog.get_by_label("Email")).to_be_focused()
    page.keyboard.type("not an address")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_contain_text("Email: must be an address")
    assert client.get("/v1/notifications")["email"] is None
    dialog.get_by_label("Email").fill(" ops@customer.example ")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Alerts go to ops@customer.example.")).to_be_visible()
    assert client.get("/v1/notifications") == {"email": "ops@customer.example", "enabled": True, "available": True}
    portal.press("Email alerts…")
    expect(dialog.get_by_label("Email")).to_have_value("ops@customer.example")
    dialog.get_by_label("Send alerts").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No alerts are sent.")).to_be_visible()
    assert client.get("/v1/notifications") == {"email": "ops@customer.example", "enabled": False, "available": True}
    portal.press("Email alerts…")
    expect(dialog.get_by_label("Send alerts")).not_to_be_checked()
    dialog.get_by_label("Email").fill("")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert client.get("/v1/notifications")["email"] is None
    expect(page.get_by_role("button", name="Email alerts…")).to_be_focused()


def test_without_mails_there_is_no_button(portal: Portal, client: Client) -> None:
    portal.open(client)
    expect(portal.page.get_by_role("button", name="Email alerts…")).to_be_visible()
    portal.page.evaluate("delete document.body.dataset.mails")  # as tests/integration/test_api_page.py has it
    portal.go("new")
    portal.go("")
    portal.heading("Webhooks")
    expect(portal.page.get_by_role("button", name="Email alerts…")).to_have_count(0)
