"""What the server refuses is said at the field, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal
from webhooks.item_keys import webhook_count_key

REFUSED_URLS = [
    ("", "Enter the URL of your endpoint."),
    ("http://example.com/hook", "https"),
    ("https://10.0.0.5/hook", "not public"),
    ("https://user:password@example.com/", "password"),
    ("no url", ""),
    ("https://example.com/" + "a" * 2048, "2048"),
]


def at(page: Page, label: str) -> Locator:
    return page.locator(".field", has=page.get_by_label(label, exact=True)).last.locator(".error")


def test_an_empty_form_names_every_field(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client, "new")
    portal.press("Create Webhook")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    for text in ("Enter a name.", "Enter the URL of your endpoint.", "Choose at least one event."):
        expect(summary).to_contain_text(text)
        expect(page.get_by_text(text)).to_have_count(2)
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_accessible_description(
        "Shown in the list of webhooks. Enter a name."
    )
    summary.get_by_role("button", name="URL").click()
    expect(page.get_by_label("URL")).to_be_focused()


@pytest.mark.parametrize(("url", "why"), REFUSED_URLS)
def test_a_refused_url(portal: Portal, client: Client, url: str, why: str) -> None:
    portal.open(client, "new")
    portal.fill(name="Orders", url=url)
    portal.press("Create Webhook")
    expect(at(portal.page, "URL")).to_contain_text(why)
    expect(at(portal.page, "URL")).not_to_be_empty()
    expect(portal.page.get_by_label("URL")).to_have_value(url)
    expect(at(portal.page, "Name")).to_be_empty()
    assert client.get("/v1/webhooks")["data"] == []


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([("Content-Type", "text/plain")], "is a reserved name"),
        ([("no name", "x")], "is not a header name"),
        ([("", "value")], "is not a header name"),
        ([("X-Key", "naïve")], "printable ASCII"),
        ([("X-Key", "1"), ("x_key", "2")], "the same header name is entered twice"),
    ],
)
def test_refused_headers(
    portal: Portal, client: Client, receiver: Receiver, headers: list[tuple[str, str]], why: str
) -> None:
    page = portal.page
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    page.get_by_text("Advanced: WhatsApp accounts, custom headers").click()
    for name, value in headers:
        portal.press("Add a header")
        page.get_by_label("Header name").last.fill(name)
        page.get_by_label("Value").last.fill(value)
    portal.press("Create Webhook")
    expect(page.get_by_role("group", name="Headers").locator(".error")).to_contain_text(why, ignore_case=True)
    expect(page.get_by_role("alert")).to_contain_text(why, ignore_case=True)
    assert client.get("/v1/webhooks")["data"] == []


def test_ten_headers_are_the_most(portal: Portal, client: Client) -> None:
    portal.open(client, "new")
    portal.page.get_by_text("Advanced: WhatsApp accounts, custom headers").click()
    for _ in range(10):
        portal.press("Add a header")
    expect(portal.page.get_by_role("button", name="Add a header")).to_be_hidden()
    portal.page.get_by_role("button", name="Remove this header").first.click()
    expect(portal.page.get_by_role("button", name="Add a header")).to_be_focused()


def test_one_webhook_too_many(
    portal: Portal, deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    """A hundred that are only counted: to create them costs more than the rest of this file."""
    account_id, client = account
    counted: Any = webhook_count_key(account_id) | {"webhooks": {"N": "100"}}
    deployed.outputs.client("dynamodb").put_item(TableName=deployed.resources["ConfigTable"], Item=counted)
    portal.open(client, "new")
    portal.fill(name="Number 101", url=receiver.url("/hook"))
    portal.press("Create Webhook")
    expect(portal.page.get_by_role("alert")).to_contain_text("100")
    expect(portal.page.get_by_label("Name", exact=True)).to_have_value("Number 101")


def test_a_host_that_does_not_resolve_is_said_after_saving(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client, "new")
    portal.fill(name="Soon", url="https://nowhere.invalid/hook")
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")
    saved = page.get_by_role("region", name="Saved")
    expect(saved).to_contain_text("The host name nowhere.invalid does not resolve")
    page.get_by_role("link", name="Continue to the webhook").click()
    portal.heading("Soon")
    portal.ready()
    expect(saved).to_have_count(0)


def test_a_test_is_offered_after_creating(portal: Portal, client: Client, receiver: Receiver) -> None:
    page = portal.page
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    portal.press("Create Webhook")
    page.get_by_role("link", name="Send a test now").click()
    expect(page.get_by_role("region", name="Send a test event")).to_contain_text("Your endpoint answered 200")
    assert len(receiver.wait_for("/hook", 1, seconds=5)) == 1


def test_saved_is_said_and_a_test_is_offered(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("Name", exact=True).fill("Renamed")
    portal.press("Save changes")
    portal.heading("Renamed")
    saved = page.get_by_role("region", name="Saved")
    expect(saved).to_contain_text("Changes saved.")
    saved.get_by_role("button", name="Send a test now").click()
    expect(page.get_by_role("region", name="Send a test event")).to_contain_text("Your endpoint answered 200")
    assert len(receiver.wait_for("/hook", 1, seconds=5)) == 1
    page.reload()
    portal.heading("Renamed")
    portal.ready()
    expect(saved).to_have_count(0)


def test_no_test_is_offered_of_a_disabled_webhook_and_events_are_explained(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    portal.open(client, f"{webhook['id']}/edit")
    with page.expect_popup() as catalogue:
        page.get_by_role("link", name="Event reference").click()
    expect(catalogue.value.get_by_role("heading", name="Event types", level=1)).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Renamed")
    portal.press("Save changes")
    expect(page.get_by_role("region", name="Saved")).to_contain_text("Changes saved.")
    expect(page.get_by_role("button", name="Send a test now")).to_have_count(0)


def test_an_address_that_never_answers_200_is_said_while_typing(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client, "new")
    page.get_by_label("URL").fill("https://script.google.com/macros/s/x/exec")
    expect(page.locator("form")).to_contain_text("answers every POST with a redirect (302)")
    page.get_by_label("URL").fill("https://example.com/script.google.com/")
    expect(page.locator("form")).not_to_contain_text("redirect (302)")


def test_a_webhook_for_some_whatsapp_accounts(portal: Portal, client: Client, receiver: Receiver) -> None:
    page = portal.page
    accounts = page.get_by_label("WhatsApp accounts", exact=True)
    portal.open(client, "new")
    portal.fill(name="Sales", url=receiver.url("/hook"))
    page.get_by_text("Advanced: WhatsApp accounts, custom headers").click()
    accounts.fill("x" * 257)
    portal.press("Create Webhook")
    expect(at(page, "WhatsApp accounts")).to_have_text("Must have at most 256 characters.")
    expect(accounts).to_have_attribute("aria-invalid", "true")
    accounts.fill("sales,support  sales")
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")
    (webhook,) = client.get("/v1/webhooks")["data"]
    assert webhook["whatsapp_account_ids"] == ["sales", "support"]
    portal.go(webhook["id"])
    expect(page.get_by_role("region", name="Details")).to_contain_text("support")
    portal.go(f"{webhook['id']}/edit")
    expect(accounts).to_have_value("sales, support")
    accounts.fill("")
    portal.press("Save changes")
    portal.heading("Sales")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["whatsapp_account_ids"] == []


def test_a_webhook_with_a_pace(portal: Portal, client: Client, receiver: Receiver) -> None:
    page = portal.page
    pace = page.get_by_label("Pace: deliveries per second", exact=True)
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    page.get_by_text("Advanced: WhatsApp accounts, custom headers, pace").click()
    for refused in ("0", "fast", "1001"):
        pace.fill(refused)
        portal.press("Create Webhook")
        expect(page.get_by_role("alert")).to_contain_text("Pace")
        expect(pace).to_have_attribute("aria-invalid", "true")
    pace.fill("20")
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")
    (webhook,) = client.get("/v1/webhooks")["data"]
    assert webhook["max_per_second"] == 20
    portal.go(webhook["id"])
    expect(page.get_by_role("region", name="Details")).to_contain_text("20 per second at most")
    portal.go(f"{webhook['id']}/edit")
    expect(pace).to_have_value("20")
    pace.fill("")
    portal.press("Save changes")
    portal.heading("Orders")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["max_per_second"] is None
