"""`make demo`: the whole service on this machine, step by step."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from standardwebhooks import Webhook

from local import ca, stack
from local.client import ApiRefused, Client, account_client, page_url
from local.emulator import EmulatorFailed
from local.receiver import Answer, Received, Receiver, receiving
from local.stack import DIRECTORY, DeployFailed, Outputs
from webhooks.event_types import EVENT_TYPES

DELAYS = (1, 2, 3)
ACCOUNT = "acme"
_EVENT = EVENT_TYPES["message.incoming"]
_console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """0 when the story came to its end; on a terminal it stays up until Ctrl-C."""
    directory = DIRECTORY / "demo"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as ending:
        ending.callback(stack.down, directory)
        try:
            return _tell(directory, ending)
        except KeyboardInterrupt:
            _console.print("\nStopped; nothing is left running.")
            return 0 if sys.stdout.isatty() else 130
        except (ApiRefused, DeployFailed, EmulatorFailed, TimeoutError, requests.RequestException) as failed:
            _console.print(f"\n[bold red]The demo stopped:[/] {failed}", markup=True)
            _console.print(f"Logs are in {directory}; `make demo` starts afresh.")
            return 1


def _tell(directory: Path, ending: ExitStack) -> int:
    _title("1. The service, on this machine")
    outputs = stack.up(directory, retry_delays=DELAYS, say=_step)
    context = ca.server_context(Path(outputs.ca_file), Path(outputs.ca_key_file))
    receiver = ending.enter_context(receiving(context))
    _step(f"a customer's HTTPS server listens on https://localhost:{receiver.port}")
    platform = Client(outputs.api_url, outputs.platform_key)
    customer = account_client(outputs, ACCOUNT)
    ending.callback(platform.close)
    ending.callback(customer.close)
    _step(f"the platform minted an API key for the account {ACCOUNT}")
    _deliver(platform, customer, receiver)
    _fail_and_recover(platform, customer, receiver)
    return _stay(outputs, page_url(outputs, ACCOUNT))


def _deliver(platform: Client, customer: Client, receiver: Receiver) -> None:
    _title("2. A webhook, an event, a signed POST")
    webhook = _create(customer, "Order desk", receiver.url("/orders"))
    started = time.time()
    event_id = platform.publish(ACCOUNT, _EVENT.name, dict(_EVENT.example), timestamp="2026-05-29T10:30:00Z")
    _step(f"the platform publishes {_EVENT.name} as {event_id}")
    posted = receiver.wait_for("/orders", 1, seconds=60)[0]
    _step(f"{posted.at - started:.1f} s later the customer's server receives:")
    _show(posted)
    _verify(posted, webhook["secret"])


def _fail_and_recover(platform: Client, customer: Client, receiver: Receiver) -> None:
    _title("3. An endpoint that fails, and comes back")
    receiver.answer("/broken", Answer(500, body=b"database is down"))
    webhook = _create(customer, "Broken CRM", receiver.url("/broken"))
    event_id = platform.publish(ACCOUNT, _EVENT.name, dict(_EVENT.example))
    waits = ", ".join(f"{delay} s" for delay in DELAYS)
    _step(f"its server answers 500; retries are due {waits} after each failure (10 s, 60 s, 5 min in production)")
    receiver.wait_for("/broken", len(DELAYS) + 1, seconds=60)
    failing = customer.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
    _attempts(customer.get(f"/v1/webhooks/{webhook['id']}/deliveries/{event_id}")["attempts"])
    _step(f"the webhook is [bold red]failing[/] since {failing['failing_since']}: {failing['failing_reason']}")
    receiver.answer("/broken", Answer(200))
    _step("the customer fixes the server; the platform publishes the next event")
    platform.publish(ACCOUNT, _EVENT.name, dict(_EVENT.example))
    customer.await_webhook(webhook["id"], lambda w: w["status"] == "active", seconds=60)
    _step("it is answered with 200, and the webhook is [bold green]active[/] again")
    since = {"since": failing["created_at"]}
    recovered = customer.post(f"/v1/webhooks/{webhook['id']}/recover", since, 202)["enqueued"]
    customer.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=60)
    _step(f"the customer recovers what had failed: {recovered} delivery is sent once more, and arrives")


def _create(customer: Client, name: str, url: str) -> Any:
    webhook = customer.post("/v1/webhooks", {"name": name, "url": url, "events": [_EVENT.name]}, 201)
    _step(f"POST /v1/webhooks creates “{name}” for {_EVENT.name}: {webhook['id']}, {webhook['status']}")
    return webhook


def _show(posted: Received) -> None:
    _console.print(f"    POST {posted.path}", style="cyan", markup=False)
    for name in ("content-type", "user-agent", "x-webhook-signature", *_STANDARD):
        _console.print(f"    {name}: {posted.headers[name]}", style="cyan", markup=False)
    _console.print()
    for line in json.dumps(json.loads(posted.body), indent=2).splitlines():
        _console.print(f"    {line}", markup=False)
    _console.print()


def _verify(posted: Received, secret: str) -> None:
    """Verifies the request as customers are told to, and with somebody else's library."""
    expected = hmac.new(secret.encode(), posted.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, posted.headers["x-webhook-signature"]):
        raise ApiRefused("X-Webhook-Signature does not verify")
    Webhook(secret).verify(posted.body, {name: posted.headers[name] for name in _STANDARD})
    _step("[bold green]signature verified[/]: by hmac.new(secret, body, sha256) and by the library standardwebhooks")


def _attempts(attempts: list[dict[str, Any]]) -> None:
    first = datetime.fromisoformat(attempts[0]["at"])
    for attempt in attempts:
        after = (datetime.fromisoformat(attempt["at"]) - first).total_seconds()
        _console.print(f"    attempt {attempt['number']} at +{after:4.1f} s: {attempt['error']}", style="yellow")


def _stay(outputs: Outputs, page: str) -> int:
    _title("Done")
    _console.print(f"  Settings > Webhooks, as {ACCOUNT} sees it:\n  {page}")
    if not sys.stdout.isatty():
        _console.print("On a terminal, the stack would now stay up. `make up` starts one that stays.")
        return 0
    _console.print(f"  API explorer  {outputs.api_url}/docs")
    _console.print(f"  platform key  {outputs.platform_key}")
    _console.print("\nCtrl-C stops everything.")
    signal.pause()
    return 0


def _title(text: str) -> None:
    _console.print(f"\n[bold]{text}[/]")


def _step(text: str) -> None:
    _console.print(f"  · {text}")


_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
