"""Nothing that is not public is ever connected to: not at save, not at an attempt, whatever DNS says in between."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.emulator import ROOT
from tests.unit.ssrf_cases import (
    DNS_HOSTILE,
    DNS_PUBLIC,
    HOSTILE,
    LEGITIMATE,
    PRIVATE_V4,
    PRIVATE_V6,
    PUBLIC_V4,
    PUBLIC_V6,
)
from webhooks.addresses import check_resolves_public, normalise_url
from webhooks.errors import AddressRefused, UrlRefused
from webhooks.messages import DeliveryMessage
from webhooks.models import Attempt, Webhook
from webhooks.signing import new_secret

AT = "2026-05-29T10:30:00.000Z"


def attempt(url: str) -> Attempt:
    from deliver import sender

    webhook = Webhook("wh_1", "acme", "n", url, [], "active", new_secret(), AT, AT)
    message = DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", AT, 1, AT, "{}")
    return sender.post(webhook, message, number=1)


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a connection was opened to, in production: every one is refused by the network."""
    from deliver import connection, sender

    opened: list[str] = []

    def refused(address: tuple[str, int], **_: Any) -> socket.socket:
        opened.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refused)
    for module in (connection, sender):
        monkeypatch.setattr(module, "LOCAL", False)
    return opened


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Sets what names resolve to, one list of answers a look-up, the last for all that follow; the names looked up."""

    def answer(*answers: list[str]) -> list[str]:
        left, looked_up = list(answers), []

        def getaddrinfo(host: bytes, port: int, **_: Any) -> list[Any]:
            looked_up.append(host.decode())
            found = left.pop(0) if len(left) > 1 else left[0]
            if host.decode("ascii").replace(".", "").isdigit() or b":" in host:
                found = [host.decode()]  # a literal resolves to itself
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return looked_up

    return answer


def test_the_corpora_are_large_and_distinct() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 120
    assert len(set(LEGITIMATE)) == len(LEGITIMATE) >= 120


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_at_save_and_at_the_attempt(
    url: str, connects: list[str], dns: Callable[..., list[str]]
) -> None:
    dns(["93.184.215.14"])
    with pytest.raises(UrlRefused):
        normalise_url(url)
    assert attempt(url).error
    assert connects == []


@pytest.mark.parametrize("url", LEGITIMATE)
def test_a_legitimate_url_passes_and_is_connected_to(
    url: str, connects: list[str], dns: Callable[..., list[str]]
) -> None:
    dns(["93.184.215.14"])
    normal = normalise_url(url)
    check_resolves_public(normal)
    assert normal == normalise_url(normal)
    assert normal.isascii()
    assert attempt(normal).error == "connection refused"
    host = urlsplit(normal).hostname
    literal = host is not None and (":" in host or host.replace(".", "").isdigit())
    assert connects == [host if literal else "93.184.215.14"]


@pytest.mark.parametrize("answers", DNS_HOSTILE, ids=str)
def test_a_name_with_an_answer_that_is_not_public(
    answers: list[str], connects: list[str], dns: Callable[..., list[str]]
) -> None:
    dns(answers)
    with pytest.raises(AddressRefused, match=r"^address .* is not public$"):
        check_resolves_public("https://example.com/")
    error = attempt("https://example.com/").error
    assert error is not None
    assert error.startswith("address ")
    assert error.endswith(" is not public")
    assert connects == []


@pytest.mark.parametrize("answers", DNS_PUBLIC, ids=str)
def test_a_name_with_public_answers_only(
    answers: list[str], connects: list[str], dns: Callable[..., list[str]]
) -> None:
    dns(answers)
    check_resolves_public("https://example.com/")
    assert attempt("https://example.com/").error == "connection refused"
    assert connects == answers


def test_the_promised_words(connects: list[str], dns: Callable[..., list[str]]) -> None:
    dns(["10.0.0.5"])
    assert attempt("https://example.com/").error == "address 10.0.0.5 is not public"
    assert attempt("https://10.0.0.5/").error == "address 10.0.0.5 is not public"


def test_rebinding_between_save_and_attempt(connects: list[str], dns: Callable[..., list[str]]) -> None:
    dns(["93.184.215.14"], ["169.254.169.254"])
    check_resolves_public("https://example.com/")
    assert attempt("https://example.com/").error == "address 169.254.169.254 is not public"
    assert connects == []


def test_rebinding_between_check_and_connect(connects: list[str], dns: Callable[..., list[str]]) -> None:
    """There is one look-up a connection, and the connection goes to what was vetted."""
    looked_up = dns(["93.184.215.14"], ["127.0.0.1"])
    attempt("https://example.com/")
    assert (looked_up, connects) == (["example.com"], ["93.184.215.14"])


def test_a_name_that_has_no_answer_in_time_is_saved_and_judged_later(
    monkeypatch: pytest.MonkeyPatch, connects: list[str]
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    check_resolves_public("https://not-yet.example.com/")
    assert attempt("https://not-yet.example.com/").error == "the host name does not resolve"


def test_loopback_is_for_the_local_stage_and_nothing_else_is() -> None:
    assert normalise_url("https://localhost:8443/x", allow_loopback=True) == "https://localhost:8443/x"
    assert normalise_url("https://127.1/", allow_loopback=True) == "https://127.0.0.1/"
    for url in ("https://10.0.0.1/", "https://169.254.169.254/", "https://[::ffff:127.0.0.1]/", "https://intranet/"):
        with pytest.raises(UrlRefused):
            normalise_url(url, allow_loopback=True)


def interpreters() -> list[str]:
    """Every Python at hand that the layer supports and that runs."""
    found = [sys.executable]
    for minor in range(11, 20):
        path = shutil.which(f"python3.{minor}")
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            found.append(path)
    return found


TABLE = """
import json, sys
from ipaddress import ip_address
from webhooks.addresses import is_public, normalise_url
from webhooks.errors import UrlRefused
addresses, urls = json.load(sys.stdin)
def refused(url):
    try:
        normalise_url(url)
    except UrlRefused:
        return True
    return False
print(json.dumps([[is_public(ip_address(a)) for a in addresses], [refused(u) for u in urls]]))
"""


@pytest.mark.parametrize("interpreter", interpreters())
def test_the_verdicts_are_the_same_on_every_python(interpreter: str) -> None:
    """Bare interpreters: only the standard library is there, so international names are left out."""
    private, public = PRIVATE_V4 + PRIVATE_V6, PUBLIC_V4 + PUBLIC_V6
    urls = [url for url in HOSTILE + LEGITIMATE if url.isascii()]
    shown = subprocess.run(
        [interpreter, "-c", TABLE],
        input=json.dumps([private + public, urls]),
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers/webhooks/python")},
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts, refusals = json.loads(shown.stdout)
    assert verdicts == [False] * len(private) + [True] * len(public)
    hostile = set(HOSTILE)
    assert refusals == [url in hostile for url in urls]
