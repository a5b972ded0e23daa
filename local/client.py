"""The HTTPS API as a caller sees it, for the demo and the end-to-end tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import requests

from local.stack import Outputs

PAUSES = (0.25, 0.5, 1, 2, 4)
"""Seconds between the repetitions of a call that did not reach the API."""

SECONDS = 120
"""A call may take. On AWS it is 30 at most; the emulator on a busy machine has taken longer to start a function."""


class ApiRefused(Exception):
    """The API answered something else than what the story needs."""


class Client:
    """One caller, with one key."""

    def __init__(self, api_url: str, key: str | None) -> None:
        self._url = api_url
        self._session = requests.Session()
        self._session.trust_env = False
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Repeats the call if it was refused before it reached the API: a 429 that is not the API's own."""
        for pause in PAUSES:
            answer = self._session.request(method, self._url + path, timeout=SECONDS, **options)
            if answer.status_code != 429 or answer.headers["Content-Type"] == "application/problem+json":
                return answer
            time.sleep(pause)
        return answer

    def get(self, path: str, **query: str) -> Any:
        return self._expect(self.call("GET", path, params=query), 200)

    def post(self, path: str, body: Any, expect: int) -> Any:
        return self._expect(self.call("POST", path, json=body), expect)

    def patch(self, path: str, body: Any) -> Any:
        return self._expect(self.call("PATCH", path, json=body), 200)

    def delete(self, path: str, expect: int) -> None:
        self._expect(self.call("DELETE", path), expect)

    def publish(self, account_id: str, event: str, data: Any, **more: str) -> str:
        """The event's id."""
        answer = self.post("/v1/events", {"account_id": account_id, "event": event, "data": data, **more}, 202)
        return str(answer["id"])

    def await_webhook(self, webhook_id: str, until: Callable[[Any], bool], *, seconds: float) -> Any:
        return self._await(f"/v1/webhooks/{webhook_id}", until, seconds)

    def await_delivery(self, webhook_id: str, event_id: str, until: Callable[[Any], bool], *, seconds: float) -> Any:
        return self._await(f"/v1/webhooks/{webhook_id}/deliveries/{event_id}", until, seconds)

    def close(self) -> None:
        self._session.close()

    def _await(self, path: str, until: Callable[[Any], bool], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        for pause in chain((0.1, 0.2), repeat(0.4)):  # a call costs the emulator what a delivery does
            answer = self.call("GET", path)
            if answer.status_code == 200 and until(answer.json()):
                return answer.json()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} still says {answer.text} after {seconds:g} s")
            time.sleep(pause)

    def _expect(self, answer: requests.Response, status: int) -> Any:
        if answer.status_code != status:
            raise ApiRefused(f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text}")
        return answer.json()


def account_client(outputs: Outputs, account_id: str) -> Client:
    """Returns a client with a key newly minted for the account."""
    platform = Client(outputs.api_url, outputs.platform_key)
    try:
        key = platform.post("/v1/api-keys", {"account_id": account_id}, 201)["key"]
    finally:
        platform.close()
    return Client(outputs.api_url, key)


def page_url(outputs: Outputs, account_id: str) -> str:
    """Opens Settings > Webhooks for the account, for a day."""
    platform = Client(outputs.api_url, outputs.platform_key)
    try:
        session = platform.post("/v1/portal-sessions", {"account_id": account_id, "expires_in": 86_400}, 201)
    finally:
        platform.close()
    return str(session["url"])
