"""
Why did it not arrive? One event, many endpoints, each with something else the matter: docs/why-not-arrived.md tells a
customer exactly what the API tells.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from local import ca
from local.client import Client
from local.receiver import Answer, Receiver, receiving
from tests.deployed import Deployed
from tests.e2e import why_not_arrived as page
from webhooks.event_types import EVENT_TYPES
from webhooks.item_keys import webhook_key
from webhooks.times import parse_time

EVENT = EVENT_TYPES["message.incoming"]
DELAYS = (1, 2, 3)
FINAL = ("delivered", "failed", "cancelled")
# Long enough for a person to come between two attempts.
SLOW = Answer(500, seconds=2.5)


class Customer:
    """An account with endpoints, and one event for all of them."""

    def __init__(self, deployed: Deployed, account: tuple[str, Client], receiver: Receiver) -> None:
        self._deployed = deployed
        self._receiver = receiver
        self.account_id, self.client = account
        self.event_id = ""

    def endpoint(self, path: str, answer: Answer) -> str:
        self._receiver.answer(path, answer)
        return self.webhook(self._receiver.url(path))

    def webhook(self, url: str, event: str = EVENT.name) -> str:
        values = {"name": "Orders", "url": url, "events": [event]}
        return str(self.client.post("/v1/webhooks", values, 201)["id"])

    def move_to(self, webhook_id: str, url: str) -> None:
        """As if the name's DNS records had been changed after the webhook was saved."""
        self._deployed.outputs.client("dynamodb").update_item(
            TableName=self._deployed.resources["ConfigTable"],
            Key=webhook_key(self.account_id, webhook_id),
            UpdateExpression="SET #url = :url",
            ExpressionAttributeNames={"#url": "url"},
            ExpressionAttributeValues={":url": {"S": url}},
        )

    def publish(self) -> None:
        self.event_id = self._deployed.platform.publish(self.account_id, EVENT.name, dict(EVENT.example))

    def first(self, webhook_id: str) -> Any:
        return self.client.await_delivery(webhook_id, self.event_id, lambda d: d["attempts"], seconds=40)

    def last(self, webhook_id: str) -> Any:
        return self.client.await_delivery(webhook_id, self.event_id, lambda d: d["status"] in FINAL, seconds=90)

    def empty(self, webhook_id: str) -> str:
        listed = self.client.get(f"/v1/webhooks/{webhook_id}/deliveries")
        return page.of_empty_log(listed, self.client.get(f"/v1/webhooks/{webhook_id}"), EVENT.name)

    def refused(self, method: str, path: str) -> str:
        answer = self.client.call(method, path)
        assert answer.status_code >= 400, answer.text
        return page.of_refusal(answer.status_code, answer.json())

    def retried(self, webhook_id: str) -> str:
        return self.refused("POST", f"/v1/webhooks/{webhook_id}/deliveries/{self.event_id}/retry")


@pytest.fixture
def customer(deployed: Deployed, account: tuple[str, Client], receiver: Receiver) -> Customer:
    return Customer(deployed, account, receiver)


@pytest.mark.slow
def test_the_page_says_what_the_api_says(
    deployed: Deployed, customer: Customer, receiver: Receiver, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        contexts = certificates(deployed, tmp_path)
        wrong = [stack.enter_context(receiving(context)).url("/hook") for context in contexts]
        plain = stack.enter_context(not_tls())
        well = customer.endpoint("/well", Answer(200))
        slow, deleted, disabled = (customer.endpoint(path, SLOW) for path in ("/slow", "/deleted", "/disabled"))
        off = customer.endpoint("/off", Answer(200))
        customer.client.patch(f"/v1/webhooks/{off}", {"enabled": False})
        other = customer.webhook(receiver.url("/other"), "contact.created")
        moved = customer.endpoint("/moved", Answer(200))
        customer.move_to(moved, "https://10.0.0.5/moved")
        failing = [
            customer.endpoint("/204", Answer(204)),
            customer.endpoint("/302", Answer(302, headers={"Location": receiver.url("/elsewhere")})),
            customer.endpoint("/late", Answer(200, seconds=6)),
            *(customer.webhook(url) for url in wrong),
            customer.webhook(plain),
            customer.webhook(f"https://localhost:{closed_port()}/hook"),
            moved,
        ]
        customer.publish()

        waiting = customer.first(slow)
        too_early = customer.retried(slow)
        for webhook_id in (deleted, disabled):
            customer.first(webhook_id)
        assert customer.client.call("DELETE", f"/v1/webhooks/{deleted}").status_code == 204
        customer.client.patch(f"/v1/webhooks/{disabled}", {"enabled": False})
        posts_to_deleted = len(receiver.received("/deleted"))
        cancelled = customer.last(disabled)
        failed = [customer.last(webhook_id) for webhook_id in failing]
        said = [
            page.of_delivery(waiting),
            *map(page.of_delivery, failed),
            page.of_delivery(cancelled),
            page.of_delivery(customer.last(well)),
            customer.empty(other),
            customer.empty(off),
            customer.refused("GET", f"/v1/webhooks/{deleted}/deliveries"),
            too_early,
            customer.retried(disabled),
            customer.refused("GET", f"/v1/webhooks/{well}/deliveries/evt_unknown"),
        ]
        print("\n".join(said))
        assert page.rows() == said

        assert gap(waiting) == pytest.approx(DELAYS[len(waiting["attempts"]) - 1], abs=0.01)
        for webhook_id, delivery in zip(failing, failed, strict=True):
            webhook = customer.client.await_webhook(webhook_id, lambda w: w["status"] == "failing", seconds=10)
            assert webhook["failing_reason"] == delivery["attempts"][-1]["error"]
            assert (delivery["status"], delivery["next_attempt_at"]) == ("failed", None)
            assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3, 4]
            assert len({(attempt["status_code"], attempt["error"]) for attempt in delivery["attempts"]}) == 1
        assert len(cancelled["attempts"]) < 4
        assert receiver.received("/elsewhere") == receiver.received("/moved") == receiver.received("/off") == []
        assert customer.last(slow)["status"] == "failed"  # by now the deleted one's would have, too
        assert len(receiver.received("/deleted")) - posts_to_deleted in (0, 1)  # one may have been on its way

        shown = {name: value for name, value in failed[0].items() if name != "request"}
        assert page.without_what_varies(page.example()) == page.without_what_varies(shown)
        receiver.answer("/204", Answer(200))
        the_calls_on_the_page(customer, failing[0])


def the_calls_on_the_page(customer: Customer, webhook_id: str) -> None:
    """List, read, retry; then it is delivered, in a second round."""
    listing, reading, retrying = page.calls(ID=webhook_id, EVENT=customer.event_id)
    listed = customer.client.call(*listing).json()["data"]
    assert [delivery["event_id"] for delivery in listed] == [customer.event_id]
    assert customer.client.call(*reading).json() == customer.last(webhook_id)
    assert customer.client.call(*retrying).status_code == 202
    again = customer.last(webhook_id)
    assert (again["status"], [a["round"] for a in again["attempts"]]) == ("delivered", [1, 1, 1, 1, 2])


def test_a_private_address_is_refused_when_it_is_saved(account: tuple[str, Client]) -> None:
    values = {"name": "Orders", "url": "https://10.0.0.5/hook", "events": [EVENT.name]}
    answer = account[1].call("POST", "/v1/webhooks", json=values)
    said = page.of_refusal(answer.status_code, answer.json())
    assert said == "422, `url: address 10.0.0.5 is not public; only public addresses are allowed`"
    assert said in page.PAGE


def gap(delivery: Any) -> float:
    """Seconds from the end of the last attempt to the next."""
    last = delivery["attempts"][-1]
    ended = parse_time(last["at"]) + timedelta(milliseconds=last["duration_ms"])
    return (parse_time(delivery["next_attempt_at"]) - ended).total_seconds()


def certificates(deployed: Deployed, directory: Path) -> list[ssl.SSLContext]:
    """Of an authority that nobody knows; expired; for another name."""
    trusted = [Path(path) for path in (deployed.outputs.ca_file, deployed.outputs.ca_key_file)]
    authority = trustme.CA.from_pem(*(path.read_bytes() for path in trusted))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    begun = yesterday - timedelta(days=30)
    expired = authority.issue_cert("localhost", not_before=begun, not_after=yesterday)
    return [
        ca.server_context(*ca.create(directory / "unknown")),
        server_context(expired),
        server_context(authority.issue_cert("other.example")),
    ]


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def not_tls() -> Iterator[str]:
    """The URL of a server that speaks plain HTTP."""

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """A greeting that it does not understand is what this is about."""

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"https://localhost:{server.server_address[1]}/hook"
        server.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
