"""`python -m tests.portal.screenshots`: the pictures in docs/screenshots, of the page as deployed, with real deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, expect, sync_playwright

from local.client import Client, account_client
from local.emulator import ROOT
from local.receiver import Answer, Receiver
from tests import sharing
from tests.deployed import MAIL_FROM, Deployed, deploying, receiving_for
from tests.portal.browser import Portal, launch, looking

FOLDER = ROOT / "docs" / "screenshots"
LOOKS = (("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360))
TALLEST = 1000
MAX_BYTES = 200_000
ORDER = {"message_id": "wamid.HBgM", "whatsapp_account_id": "uuid", "type": "text", "text": "Where is my order?"}


@dataclass(frozen=True)
class Story:
    """An account with a webhook of every kind."""

    client: Client
    healthy: str
    address: str
    failing: str
    failed_event: str
    other: Client
    """Of another account, whose webhook catches up."""
    catching_up: str


def tell(deployed: Deployed, receiver: Receiver) -> Story:
    client = account_client(deployed.outputs, "acme")
    receiver.answer("/crm", Answer(503, body=b'{"error": "no database connection is free"}'))

    def create(name: str, path: str, *events: str, **more: Any) -> str:
        body = {"name": name, "url": receiver.url(path), "events": events, **more}
        return str(client.post("/v1/webhooks", body, 201)["id"])

    messages = ("message.incoming", "message.delivered", "message.read", "message.failed")
    healthy = create("Order desk", "/orders", *messages, headers={"X-Api-Key": "of the order desk"})
    failing = create("CRM sync", "/crm", "message.incoming", "contact.created")
    paused = create("Campaign reports", "/reports", "campaign.completed")
    client.patch(f"/v1/webhooks/{paused}", {"enabled": False})
    events = [deployed.platform.publish("acme", "message.incoming", ORDER) for _ in range(6)]
    for event_id in events:
        client.await_delivery(failing, event_id, lambda d: d["status"] == "failed", seconds=90)
    address = str(client.post("/v1/test-addresses", {"name": "On my machine", "events": messages}, 201)["id"])
    test = client.post(f"/v1/webhooks/{address}/test", {"event": "message.incoming"}, 202)["event_id"]
    client.await_delivery(address, test, lambda d: d["status"] == "delivered", seconds=90)
    other = account_client(deployed.outputs, "catching-up")
    hook = {"name": "Stock", "url": receiver.url("/crm"), "events": ["message.incoming"], "catch_up": True}
    catching_up = str(other.post("/v1/webhooks", hook, 201)["id"])
    event_id = deployed.platform.publish("catching-up", "message.incoming", ORDER)
    other.await_delivery(catching_up, event_id, lambda d: d["status"] == "failed", seconds=90)
    other.await_webhook(catching_up, lambda w: w["status"] == "failing", seconds=30)
    return Story(client, healthy, address, failing, events[-1], other, catching_up)


class Album:
    def __init__(self, portal: Portal, scheme: str, width: int) -> None:
        self._portal = portal
        self._look = f"{scheme}-{width}"
        self._width = width

    def take(self, name: str, *, whole: bool = True, around: Locator | None = None) -> None:
        page = self._portal.page
        page.set_viewport_size({"width": self._width, "height": 700})
        height = page.evaluate("document.documentElement.scrollHeight") if whole else 700
        page.set_viewport_size({"width": self._width, "height": min(max(height, 700), TALLEST)})
        if around:
            around.evaluate("element => element.scrollIntoView({ block: 'center' })")
        path = FOLDER / f"{name}-{self._look}.png"
        page.screenshot(path=path, mask=[page.locator("[data-secret]")], mask_color="#8a93a5")
        size = path.stat().st_size
        print(f"{path.relative_to(ROOT)}  {size} bytes")
        assert size < MAX_BYTES


def photograph(story: Story, newcomer: Client, portal: Portal, album: Album) -> None:
    page = portal.page
    page.goto(portal.address)
    expect(page.get_by_label("API key")).to_be_visible()
    album.take("key")
    portal.open(newcomer)
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    album.take("empty")
    portal.press("Sign out")
    portal.open(story.other, story.catching_up)
    expect(page.get_by_role("region", name="Catching up")).to_be_visible()
    album.take("catching-up")
    portal.press("Sign out")
    portal.open(story.client)
    page.locator("#main li").last.scroll_into_view_if_needed()  # charts come with their rows
    expect(page.get_by_text("Last 24 hours:")).to_have_count(4)
    page.evaluate("scrollTo(0, 0)")
    album.take("list")
    portal.press("Email alerts…")
    page.get_by_label("Email", exact=True).fill("ops@customer.example")
    album.take("email-alerts", whole=False)
    page.keyboard.press("Escape")
    portal.go("new")
    portal.fill(name="Order updates", url="http://shop.example.com/hooks", events=("message.incoming",))
    album.take("new")
    portal.press("Create Webhook")
    expect(page.get_by_role("alert")).to_be_visible()
    album.take("errors")
    page.get_by_text("Advanced: WhatsApp accounts, custom headers").click()
    album.take("advanced", whole=False, around=page.get_by_role("button", name="Add a header"))
    page.get_by_role("link", name="Webhooks", exact=True).click()
    expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    album.take("leave", whole=False)
    portal.press("Leave")
    portal.go(story.healthy)
    portal.press("Send test event")
    expect(page.get_by_text("Your endpoint answered 200")).to_be_visible()
    album.take("webhook")
    page.get_by_text("As a table").click()
    album.take("health")
    portal.go(story.address)
    page.get_by_text("Headers and body").first.click()
    album.take("inbox")
    portal.go(f"{story.healthy}/secret")
    portal.press("Reveal")
    expect(page.locator("[data-secret]")).to_be_visible()
    album.take("secret")
    page.get_by_role("radio", name="Survives a rotation").check()
    album.take("secret-code")
    portal.go(story.failing)
    album.take("failing")
    for opens, picture in (("Resend failed…", "recover"), ("Rotate…", "rotate"), ("Delete", "delete")):
        portal.press(opens)
        album.take(picture, whole=False)
        page.keyboard.press("Escape")
    portal.go(f"{story.failing}/deliveries/{story.failed_event}")
    page.get_by_text("Response body").first.click()
    album.take("delivery")
    request = page.get_by_role("region", name="Request")
    request.get_by_text("Headers and body").click()
    album.take("request", whole=False, around=request)
    portal.go(f"events/{story.failed_event}")
    album.take("event")
    page.goto(portal.address.replace("/settings/webhooks", "/event-types"))
    expect(page.get_by_role("heading", name="Event types")).to_be_visible()
    album.take("event-types")


@contextmanager
def opened(browser: Browser, deployed: Deployed, scheme: str, width: int) -> Iterator[Portal]:
    size = {"width": width, "height": 900}
    with looking(browser, color_scheme=scheme, viewport=size) as context:
        yield Portal(context.new_page(), deployed.outputs.api_url)


def main(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        sharing.run(),
        deploying((1, 2, 3), {"mail_from": MAIL_FROM}) as deployed,
        receiving_for(deployed) as receiver,
        sync_playwright() as playwright,
    ):
        story = tell(deployed, receiver)
        newcomer = account_client(deployed.outputs, "newcomer")
        browser = launch(playwright)
        for scheme, width in LOOKS:
            with opened(browser, deployed, scheme, width) as portal:
                photograph(story, newcomer, portal, Album(portal, scheme, width))
        browser.close()


if __name__ == "__main__":
    main()
