"""What the page tells a customer to do, for endpoints that fail in different ways."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.sync_api import expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.integration import hostile
from tests.portal.browser import Portal

ENDPOINTS = {
    "status": "check the URL: your server does not accept POST at this path.",
    "timeout": "put the event into a queue of your own, answer 200, and work on it afterwards.",
    "connect_timeout": "check the host name and the port in the URL, and that your firewall lets our requests in.",
    "connection_refused": "check that your server is running, and listens at the port in the URL.",
    "connection_closed": "it closed the connection before it had answered.",
    "tls_certificate": "fix your server's certificate",
    "tls_not_spoken": "your server does not speak https at this port.",
    "dns": "check the host name in the URL and its DNS records.",
    "protocol": "check that a web server answers at this URL",
}
"""By the code of the failure."""


@pytest.fixture
def urls(deployed: Deployed, receiver: Receiver) -> Iterator[dict[str, str]]:
    """An endpoint for each code."""
    authority = trustme.CA.from_pem(
        *(Path(file).read_bytes() for file in (deployed.outputs.ca_file, deployed.outputs.ca_key_file))
    )
    contexts = hostile.contexts(authority)
    receiver.answer("/not-found", Answer(404))
    with ExitStack() as stack, socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
        port = refusing.getsockname()[1]

        def at(script: hostile.Script, certificate: str = "good") -> str:
            port, _ = stack.enter_context(hostile.serving(script, contexts[certificate]))
            return f"https://localhost:{port}/"

        yield {
            "status": receiver.url("/not-found"),
            "timeout": at(hostile.handshake_then_stall),
            "connect_timeout": at(hostile.STALL),
            "connection_refused": f"https://localhost:{port}/",
            "connection_closed": at(hostile.reset_in_handshake),
            "tls_certificate": at(hostile.hello, "expired"),
            "tls_not_spoken": at(hostile.plain_http),
            "dns": "https://nowhere.invalid/",
            "protocol": at(hostile.after_request(b"SMTP ready\r\n\r\n")),
        }


@pytest.mark.slow
def test_the_next_step_fits_the_failure(
    portal: Portal, client: Client, create: Callable[..., Any], urls: dict[str, str]
) -> None:
    page = portal.page
    portal.open(client)
    webhooks = {code: create(code, url=url) for code, url in urls.items()}
    events = {
        code: client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
        for code, webhook in webhooks.items()
    }
    for code, advice in ENDPOINTS.items():
        webhook_id = webhooks[code]["id"]
        failing = client.await_webhook(webhook_id, lambda w: w["status"] == "failing", seconds=120)
        assert failing["failing_code"] == code
        portal.go(webhook_id)
        expect(page.get_by_role("region", name="Failing")).to_contain_text(
            f"Next step: {advice}" if code == "status" else advice
        )
        portal.go(f"{webhook_id}/deliveries/{events[code]}")
        expect(page.get_by_role("region", name="Attempts")).to_contain_text(advice)
