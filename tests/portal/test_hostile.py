"""What customers and their servers say is shown as text, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal

TEXTS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</pre></script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "\u202egnp.exe \u2066 العربية",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "a" * 100,
]


def test_names_everywhere(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhooks = {text: create(text) for text in TEXTS}
    portal.open(client)
    rows = page.get_by_role("list", name="Webhooks").get_by_role("link")
    expect(rows).to_have_count(len(TEXTS))
    for text, webhook in webhooks.items():
        portal.go("")
        row = page.locator(f"a[href='#/{webhook['id']}']")
        expect(row.locator("bdi").first).to_have_text(text)
        row.click()
        expect(page.locator("h1 bdi").first).to_have_text(text)
        expect(page.locator("#crumbs")).to_contain_text(text)
        portal.press("Delete")
        expect(page.get_by_role("dialog").locator("bdi")).to_have_text(text)
        page.keyboard.press("Escape")
        portal.go(f"{webhook['id']}/edit")
        expect(page.get_by_label("Name", exact=True)).to_have_value(text)
        assert page.title() != "owned", text
        assert page.locator("main :is(script, img, svg, iframe)").count() == 0, text


def test_a_long_url_breaks_nothing(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    webhook = create(path="/" + "a" * 1900)
    portal.page.set_viewport_size({"width": 360, "height": 740})
    portal.open(client)
    for view in ("", webhook["id"], f"{webhook['id']}/edit"):
        portal.go(view)
        assert portal.page.evaluate("document.documentElement.scrollWidth") == 360


def test_payloads_and_answers(
    portal: Portal,
    client: Client,
    create: Callable[..., Any],
    receiver: Receiver,
    deployed: Deployed,
    account: tuple[str, Client],
) -> None:
    """Of 64 KiB, with a number that JavaScript would round, and an answer that is a page of its own."""
    page = portal.page
    answer = "<script>document.title='owned'</script>\u202eevil"
    receiver.answer("/hostile", Answer(400, body=answer.encode()))
    webhook = create(path="/hostile")
    data = {
        "message_id": "wamid.1",
        "whatsapp_account_id": "uuid",
        "number": 12345678901234567890,
        "texts": TEXTS,
        "long": "x" * 60_000,
    }
    event_id = deployed.platform.publish(account[0], "message.incoming", data)
    client.await_delivery(webhook["id"], event_id, lambda d: d["attempts"], seconds=30)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    shown = page.locator("pre[aria-label=Payload]").text_content()
    assert json.loads(str(shown))["data"] == data
    assert "12345678901234567890" in str(shown)
    page.get_by_text("Response body").first.click()
    expect(page.locator("ol pre").first).to_have_text(answer)
    assert page.title() != "owned"
    assert page.locator("main :is(script, img, svg, iframe)").count() == 0
