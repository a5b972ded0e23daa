"""What the server refuses is said at the field, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from local.client import Client
from local.receiver import Receiver
from tests.portal.browser import Portal

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
        "So that you recognise it. Enter a name."
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
        ([("Content-Type", "text/plain")], "is set by us"),
        ([("no name", "x")], "is not a header name"),
        ([("", "value")], "is not a header name"),
        ([("X-Key", "naïve")], "printable ASCII"),
        ([("X-Key", "1"), ("x-key", "2")], "names a header twice"),
    ],
)
def test_refused_headers(
    portal: Portal, client: Client, receiver: Receiver, headers: list[tuple[str, str]], why: str
) -> None:
    page = portal.page
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    page.get_by_text("Advanced: custom headers").click()
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
    portal.page.get_by_text("Advanced: custom headers").click()
    for _ in range(10):
        portal.press("Add a header")
    expect(portal.page.get_by_role("button", name="Add a header")).to_be_hidden()
    portal.page.get_by_role("button", name="Remove this header").first.click()
    expect(portal.page.get_by_role("button", name="Add a header")).to_be_focused()


def test_one_webhook_too_many(portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver) -> None:
    for number in range(100):
        create(f"Hook {number}")
    portal.open(client, "new")
    portal.fill(name="Number 101", url=receiver.url("/hook"))
    portal.press("Create Webhook")
    expect(portal.page.get_by_role("alert")).to_contain_text("100")
    expect(portal.page.get_by_label("Name", exact=True)).to_have_value("Number 101")
