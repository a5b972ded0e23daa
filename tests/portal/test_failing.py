"""An endpoint that fails: what is wrong, how it comes back, what is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal
from webhooks.item_keys import event_key

EXAMPLE = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}


def test_from_dead_to_failing_to_active(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    """All of it seen live, on one page that is never reloaded."""
    page = portal.page
    receiver.answer("/dead", Answer(500, body=b"the database is down"))
    portal.open(client, create(path="/dead")["id"])
    portal.press("Send test event")
    deliveries = page.get_by_role("list", name="Deliveries")
    expect(deliveries).to_contain_text("next attempt in")
    banner = page.get_by_role("region", name="Failing")
    expect(banner).to_contain_text("Answered 500, expected 200.")
    expect(banner).to_contain_text("Next step: look at your server's own log")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failing")
    expect(deliveries).to_contain_text("4 attempts")
    assert page.locator("#announcer").inner_text() != ""

    receiver.answer("/dead", Answer(200))
    portal.press("Send test event")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    expect(banner).to_have_count(0)
    portal.go("")
    expect(page.get_by_role("list", name="Webhooks")).to_contain_text("Active")


def test_an_endpoint_that_is_gone_disables_its_webhook_and_the_page_says_why(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    receiver.answer("/gone", Answer(410))
    portal.open(client, create(path="/gone")["id"])
    portal.press("Send test event")
    banner = page.get_by_role("region", name="Disabled")
    expect(banner).to_contain_text("Your server answered 410: gone for good. Since ")
    expect(page.get_by_role("list", name="Deliveries")).to_contain_text("Cancelled")
    portal.press("Enable")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    expect(banner).to_have_count(0)


@pytest.mark.slow
def test_failing_above_newer_deliveries_says_how_many_arrived(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver, deployed: Deployed, account: Any
) -> None:
    """One event has used up its retries while later ones arrived."""
    page = portal.page
    receiver.answer("/picky", Answer(500), event_id="refused")
    webhook = create(path="/picky")
    failed = deployed.platform.publish(account[0], "message.incoming", EXAMPLE, id="refused")
    client.await_delivery(webhook["id"], failed, lambda d: d["attempts"], seconds=60)
    arrived = [deployed.platform.publish(account[0], "message.incoming", EXAMPLE) for _ in range(2)]
    for event_id in arrived:
        client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=30)
    client.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
    portal.open(client, webhook["id"])
    banner = page.get_by_role("region", name="Failing")
    counts = banner.get_by_text("Of the events accepted since")
    expect(counts).to_contain_text(", 1 failed and 2 were delivered.")
    accepted_at = client.get(f"/v1/webhooks/{webhook['id']}/deliveries/{failed}")["accepted_at"]
    expect(counts.locator("time")).to_have_attribute("datetime", accepted_at)
    portal.go(f"{webhook['id']}?status=failed")
    expect(page.get_by_role("list", name="Deliveries").get_by_role("listitem")).to_have_count(1)
    expect(counts).to_contain_text(", 1 failed and 2 were delivered.")
    expect(banner.get_by_role("link", name="an event")).to_have_attribute(
        "href", f"#/{webhook['id']}/deliveries/{failed}"
    )
    banner.get_by_role("button", name="Resend what failed…").click()
    expect(page.get_by_role("dialog", name="Resend failed deliveries")).to_be_visible()
    page.keyboard.press("Escape")
    banner.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("button", name="Send test event")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    expect(banner).to_have_count(0)


def test_a_redirect_says_where_it_leads(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answer("/moved", Answer(302, headers={"Location": "https://elsewhere.example/hook"}))
    webhook = create(path="/moved")
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    client.await_delivery(webhook["id"], event_id, lambda d: d["attempts"], seconds=30)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    attempts = portal.page.get_by_role("list", name="Attempts")
    expect(attempts.get_by_role("listitem").first).to_contain_text("It leads to https://elsewhere.example/hook")
    expect(portal.page.get_by_role("region", name="Attempts")).to_contain_text(
        "enter the URL that the redirect leads to"
    )


@pytest.mark.slow
def test_the_list_says_since_when_and_why(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver, deployed: Deployed, account: Any
) -> None:
    receiver.answer("/missing", Answer(404))
    webhook = create(path="/missing")
    client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)
    failing = client.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
    portal.open(client)
    row = portal.page.get_by_role("list", name="Webhooks").get_by_role("link")
    expect(row).to_contain_text("Failing")
    expect(row).to_contain_text("Answered 404, expected 200. Since")
    expect(row.locator("time")).to_have_attribute("datetime", failing["failing_since"])
    utc = failing["failing_since"][:19].replace("T", " ") + " UTC"
    expect(row.locator("time")).to_have_attribute("title", utc)

    # The webhook's own page counts since then once the log has forgotten the event that made it fail.
    deployed.outputs.client("dynamodb").delete_item(
        TableName=deployed.resources["LogTable"], Key=event_key(account[0], failing["failing_event_id"])
    )
    row.click()
    counts = portal.page.get_by_role("region", name="Failing").get_by_text("Of the events accepted since")
    expect(counts.locator("time")).to_have_attribute("datetime", failing["failing_since"])
    expect(counts).to_contain_text(", 0 failed and 0 were delivered.")


def test_the_attempts_on_a_time_line_and_a_retry(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    receiver.answer("/broken", Answer(503, body=b"no capacity"))
    webhook = create(path="/broken")
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed")
    attempts = page.get_by_role("list", name="Attempts").get_by_role("listitem")
    expect(attempts).to_have_count(4)
    expect(attempts.first).to_contain_text("Answered 503, expected 200.")
    attempts.first.get_by_text("Response body").click()
    expect(attempts.first.get_by_role("group", name="Response body")).to_have_text("no capacity")

    receiver.answer("/broken", Answer(200))
    portal.press("Retry")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delivered")
    expect(attempts).to_have_count(5)
    expect(attempts.last).to_contain_text("Retry 1, attempt 1")
    expect(attempts.first.get_by_role("group", name="Response body")).to_be_visible()


def test_recovering_what_failed(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver, deployed: Deployed, account: Any
) -> None:
    page = portal.page
    receiver.answer("/down", Answer(500))
    webhook = create(path="/down")
    events = [deployed.platform.publish(account[0], "message.incoming", EXAMPLE) for _ in range(3)]
    for event_id in events:
        client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "failed", seconds=60)
    receiver.answer("/down", Answer(200))
    portal.open(client, webhook["id"])
    portal.press("Resend failed…")
    dialog = page.get_by_role("dialog", name="Resend failed deliveries")
    dialog.get_by_label("Events since").fill("")
    dialog.get_by_role("button", name="Resend").click()
    expect(dialog).to_contain_text("Choose a date and a time.")
    dialog.get_by_label("Events since").fill("2026-01-01T00:00")
    dialog.get_by_role("button", name="Resend").click()
    expect(dialog).to_contain_text("Done. Sent again: 3.")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("list", name="Deliveries").get_by_text("Delivered")).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    for event_id in events:
        attempts = client.get(f"/v1/webhooks/{webhook['id']}/deliveries/{event_id}")["attempts"]
        assert [(attempt["round"], attempt["status_code"]) for attempt in attempts] == [(1, 500)] * 4 + [(2, 200)]
    posted = [post.headers["webhook-id"] for post in receiver.received("/down")]
    assert all(posted.count(event_id) == 5 for event_id in events), "nothing is POSTed twice"


@pytest.mark.slow
def test_too_many_at_once_says_when_to_try_again(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    use_up_the_minute(client, webhook["id"])
    portal.press("Send test event")
    card = page.get_by_role("region", name="Send a test event")
    expect(card.get_by_role("status")).to_contain_text(
        "An account can send 60 test events and retries per minute. Try again in"
    )
    expect(card.get_by_role("button", name="Waiting…")).to_be_disabled()


def use_up_the_minute(client: Client, webhook_id: str) -> None:
    """With enough of it left that the page's own call is in it, too."""
    while True:
        answer = client.call("POST", f"/v1/webhooks/{webhook_id}/test", json={"event": "message.read"})
        if answer.status_code == 429 and int(answer.headers["Retry-After"]) > 10:
            return
