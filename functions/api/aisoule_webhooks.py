"""Forwards what a test address receives to a server on this machine. Python 3.9 or newer, standard library only.

AISOULE_KEY=… python3 -m aisoule_webhooks listen --forward http://localhost:3000/hook

Makes a test address, waits for requests to arrive there, and repeats each, byte for byte, at your server. Ctrl-C ends it and
deletes the address. To keep one, or to use the one from Settings > Webhooks, name its webhook: --webhook wh_…

Each deployment serves this file, without a key, at /aisoule_webhooks.py, with its own address as API.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

API = ""  # a deployment serves this file with its own address here
PAUSE = 1.0  # seconds between two looks at the inbox
IDLE_AFTER, IDLE_PAUSE = 60.0, 5.0  # seconds: all callers of the API share its rate
NOT_FORWARDED = {"host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
MASK = "••••••••"  # stands for the value of a header that the API does not show


class Stop(Exception):
    """The text says what is wrong."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error, because urllib would send the key along to wherever it leads."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Api:
    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.opener = urllib.request.build_opener(NoRedirect)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Raises Stop if the API refuses, and OSError if it cannot be reached or is busy: then try again later."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/{path}", data, headers, method=method)
        try:
            with self.opener.open(request, timeout=30) as answer:
                found: dict[str, Any] = {} if answer.status == 204 else json.loads(answer.read())
                return found
        except urllib.error.HTTPError as refused:
            if refused.code == 429 or refused.code >= 500:
                raise OSError(f"the API answered {refused.code}") from None
            raise Stop(f"The API answered {refused.code}: {detail_of(refused)}") from None
        except urllib.error.URLError as unreachable:
            raise OSError(f"{self.url} cannot be reached: {unreachable.reason}") from None
        except http.client.HTTPException as broken:
            raise OSError(f"{self.url} did not answer in full: {broken!r}") from None
        except ValueError:
            raise Stop(f"{self.url} did not answer in JSON: is it the address of the API?") from None

    def arrived(self, webhook_id: str, after: int) -> list[dict[str, Any]]:
        """The requests after that number, the oldest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"webhooks/{webhook_id}/requests?after={after}{cursor}")
            found = page["data"][::-1] + found
            if not page["next_cursor"]:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def detail_of(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refused)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{refused.reason}: is --api the address of the API?"


def forward(request: dict[str, Any], url: str) -> str:
    """Repeats the request at the server, and returns what it answered in words."""
    to = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(to.hostname), to.port, timeout=5)  # as long as AIsoule waits
    body = base64.b64decode(request["body"]) if request["is_base64_encoded"] else request["body"].encode()
    started = time.monotonic()
    try:
        connection.putrequest(
            "POST", (to.path or "/") + (f"?{to.query}" if to.query else ""), skip_accept_encoding=True
        )
        for name, value in request["headers"].items():
            if name not in NOT_FORWARDED and value != MASK:
                connection.putheader(name, value.encode())
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read(65536)
    except ConnectionRefusedError:
        return f"refused: does your server listen at {to.hostname}:{connection.port}?"
    except (OSError, http.client.HTTPException) as failed:
        return f"failed: {failed or type(failed).__name__}"
    finally:
        connection.close()
    ms = round((time.monotonic() - started) * 1000)
    return f"{answer.status} in {ms} ms" + ("" if answer.status == 200 else ", AIsoule expects 200")


def line(request: dict[str, Any], outcome: str) -> str:
    headers = request["headers"]
    try:
        event = json.loads(request["body"])["event"]
    except (ValueError, KeyError, TypeError):
        event = "?"
    verified = "verified" if len(request["verified"]) == 2 else f"only {', '.join(request['verified'])} verified"
    return f"{request['received_at'][11:19]}  {event}  {headers.get('webhook-id', '?')}  {verified}  -> {outcome}"


def listen(api: Api, webhook_id: str, url: str, after: int) -> None:
    """For ever. A number that is missing may still appear, as requests arrive side by side: it is waited for once."""
    waited = unreachable = False
    busy = time.monotonic()
    while True:
        try:
            arrived = api.arrived(webhook_id, after)
            if unreachable:
                say("The API can be reached again.")
            unreachable = False
        except OSError as failed:
            if not unreachable:
                say(f"{failed}. Trying again.")
            unreachable = True
            arrived = []
        if arrived and not waited and arrived[-1]["number"] - after > len(arrived):
            waited = True
        elif arrived:
            waited = False
            busy = time.monotonic()
            for request in arrived:
                print(line(request, forward(request, url)), flush=True)
                after = request["number"]
        time.sleep(PAUSE if time.monotonic() - busy < IDLE_AFTER else IDLE_PAUSE)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def address_of(api: Api, webhook_id: str) -> tuple[str, int]:
    """The URL, and the number of the last request so far: only those that come from now on are forwarded."""
    webhook = api.call("GET", f"webhooks/{webhook_id}")
    page = api.call("GET", f"webhooks/{webhook_id}/requests?limit=1")
    return webhook["url"], page["data"][0]["number"] if page["data"] else 0


def is_http(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # as of a port that is no number from 0 to 65535
        return False


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aisoule_webhooks", description="For developers of servers that receive webhooks."
    )
    command = parser.add_subparsers(required=True, metavar="listen").add_parser(
        "listen", help="forwards what a test address receives to a server on this machine"
    )
    command.add_argument("--forward", required=True, metavar="URL", help="such as http://localhost:3000/hook")
    command.add_argument(
        "--api",
        default=os.environ.get("AISOULE_API") or API,
        metavar="URL",
        help="the address of the API; AISOULE_API if it is not given",
    )
    command.add_argument(
        "--webhook",
        metavar="ID",
        help="the id of a webhook with a test address; without it, one is created, and deleted at the end",
    )
    command.add_argument("--send", metavar="EVENT", help="send a test event at once, such as message.incoming")
    given = parser.parse_args()
    if not given.api:
        command.error("give the address of the API by --api or AISOULE_API")
    for url in (given.forward, given.api):
        if not is_http(url):
            command.error(f"{url!r} is not an http or https URL")
    return given


def main() -> int:
    given = options()
    made = ""
    try:
        key = os.environ.get("AISOULE_KEY") or getpass.getpass("API key: ")
        api = Api(given.api, key.strip())
        webhook_id, after = given.webhook, 0
        if webhook_id:
            url, after = address_of(api, webhook_id)
        else:
            webhook = api.call("POST", "test-addresses", {"name": "aisoule_webhooks listen"})
            webhook_id = made = webhook["id"]
            url = webhook["url"]
            say(f"The secret of {webhook_id} is {webhook['secret']}: your server verifies with it.")
        say(f"What {url} receives goes to {given.forward}. Ctrl-C ends it.")
        if given.send:
            api.call("POST", f"webhooks/{webhook_id}/test", {"event": given.send})
        listen(api, webhook_id, given.forward, after)
    except (Stop, OSError) as failed:
        say(str(failed))
        return 1
    except KeyboardInterrupt:
        say("")
        return 130
    finally:
        if made:
            try:
                api.call("DELETE", f"webhooks/{made}")
            except (Stop, OSError):
                say(f"The webhook {made} could not be deleted: delete it in Settings > Webhooks.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
