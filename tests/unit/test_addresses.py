"""Nothing that is not public is ever connected to: not at save, not at an attempt, whatever DNS says in between."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver import sender
from local.emulator import ROOT
from tests.unit.ssrf_cases import HOSTILE, IPV6_LITERALS, LEGITIMATE, MIXED, PRIVATE, PUBLIC, PUBLIC_ANSWERS
from webhooks.addresses import may_connect, resolve, vet
from webhooks.deliveries import Attempt
from webhooks.errors import AddressRefused, Ipv6Only, UrlRefused
from webhooks.messages import DeliveryMessage
from webhooks.models import Webhook
from webhooks.signing import new_secret
from webhooks.urls import check_resolves_public, normalise_url

AT = "2026-05-29T10:30:00.000Z"
Dns = Callable[..., list[str]]


def attempt(url: str) -> Attempt:
    webhook = Webhook("wh_1", "acme", "n", url, [], "active", new_secret(), AT, AT)
    message = DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", AT, 1, AT, "{}")
    return sender.post(webhook, message, number=1)


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_ALLOW_LOOPBACK", raising=False)


@pytest.fixture(autouse=True)
def connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that any socket was connected to; the network refuses every one."""
    opened: list[str] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        opened.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return opened


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Dns:
    """Sets what names resolve to, one list of answers a look-up, the last for all that follow; the names looked up."""

    def answer(*answers: list[str]) -> list[str]:
        left, looked_up = list(answers), []

        def getaddrinfo(host: bytes | str, port: int, *_: Any, **__: Any) -> list[Any]:
            name = host.decode() if isinstance(host, bytes) else host
            if is_literal(name):
                found = [name]
            else:
                looked_up.append(name)
                found = left.pop(0) if len(left) > 1 else left[0]
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
            return [(f, socket.SOCK_STREAM, 6, "", (a, port)) for f, a in zip(families, found, strict=True)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return looked_up

    return answer


def is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def url_of(address: str) -> str:
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


def test_the_tables_are_large_and_name_nothing_twice() -> None:
    hostile = [url for url, _ in HOSTILE] + [address for address, _ in PRIVATE]
    legitimate = [url for url, _ in LEGITIMATE]
    for table in (hostile, legitimate):
        assert len(set(table)) == len(table) >= 120


@pytest.mark.parametrize(("url", "words"), HOSTILE)
def test_a_hostile_url_is_refused_at_save_and_at_the_attempt(
    url: str, words: str, connects: list[str], dns: Dns
) -> None:
    dns(["93.184.215.14"])
    with pytest.raises(UrlRefused) as refused:
        normalise_url(url)
    assert words in str(refused.value)
    error = attempt(url).error
    assert error is not None
    assert words in error
    assert connects == []


@pytest.mark.parametrize(("address", "why"), PRIVATE)
def test_a_special_address_is_refused_as_literal_and_as_answer(
    address: str, why: str, connects: list[str], dns: Dns
) -> None:
    assert not may_connect(address), why
    with pytest.raises(AddressRefused, match=r"^address \S+ is not public$"):
        normalise_url(url_of(address))
    dns([address])
    with pytest.raises(AddressRefused):
        check_resolves_public("https://hooks.example.com/")
    for url in (url_of(address), "https://hooks.example.com/"):
        error = attempt(url).error
        assert error is not None
        assert error.endswith("is not public")
    assert connects == []


@pytest.mark.parametrize(("url", "normal"), LEGITIMATE)
def test_a_legitimate_url_passes_and_is_connected_to(url: str, normal: str, connects: list[str], dns: Dns) -> None:
    dns(["93.184.215.14"])
    assert normalise_url(url) == normal
    assert normalise_url(normal) == normal
    check_resolves_public(normal)
    assert attempt(url).error == "connection refused"
    host = str(urlsplit(normal).hostname)
    assert connects == [host if is_literal(host) else "93.184.215.14"]


@pytest.mark.parametrize("answers", MIXED, ids=len)
def test_one_answer_that_is_not_public_is_one_too_many(answers: list[str], connects: list[str], dns: Dns) -> None:
    dns(answers)
    with pytest.raises(AddressRefused):
        check_resolves_public("https://hooks.example.com/")
    error = attempt("https://hooks.example.com/").error
    assert error is not None
    assert error.endswith("is not public")
    assert connects == []


@pytest.mark.parametrize("answers", PUBLIC_ANSWERS, ids=len)
def test_every_public_answer_is_tried(answers: list[str], connects: list[str], dns: Dns) -> None:
    dns(answers)
    check_resolves_public("https://hooks.example.com/")
    assert attempt("https://hooks.example.com/").error == "connection refused"
    assert connects == [answer for answer in answers if ":" not in answer], "there is no route over IPv6"


@pytest.mark.parametrize("url", IPV6_LITERALS)
def test_an_ipv6_address_is_refused_at_save_and_at_the_attempt(url: str, connects: list[str]) -> None:
    with pytest.raises(Ipv6Only, match=r"^has only IPv6 addresses"):
        normalise_url(url)
    assert attempt(url).error_code == "address_ipv6_only"
    assert connects == []


def test_a_name_with_ipv6_addresses_alone_is_refused_at_save_and_at_the_attempt(connects: list[str], dns: Dns) -> None:
    dns(["2606:4700::1111", "2a00:1450:4001:830::200e"])
    with pytest.raises(Ipv6Only):
        check_resolves_public("https://hooks.example.com/")
    made = attempt("https://hooks.example.com/")
    assert made.error_code == "address_ipv6_only"
    assert (
        made.error
        == "the host has only IPv6 addresses; endpoints are reached over IPv4, so use a host name with an A record"
    )
    assert connects == []


def test_the_promised_words(dns: Dns) -> None:
    dns(["10.0.0.5"])
    assert attempt("https://hooks.example.com/").error == "address 10.0.0.5 is not public"
    made = attempt("https://10.0.0.5/")
    assert (made.error, made.error_code) == ("address 10.0.0.5 is not public", "address_not_public")
    made = attempt("https://me:secret@hooks.example.com/")
    assert made.error is not None
    assert made.error.startswith("the URL contains credentials")
    assert made.error_code == "url_not_allowed"


LONGEST_HOST = ".".join(["a" * 63] * 3 + ["a" * 61])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("hooks.example.com/", "must start with https://"),
        ("http://hooks.example.com/", "starts with http; only https:// is allowed"),
        ("https://hooks.example.com/a b", "contains white space, a control character or a backslash"),
        ("https://[hooks.example.com/", "is not a valid URL; expected https://host/path"),
        ("https:///hook", "has the host ''; expected a public host name such as example.com"),
        ("https://hooks.example.com/#a", "contains a fragment (#…), which is never sent to a server"),
        ("https://hooks.example.com:0/", "has an invalid port; expected a number from 1 to 65535"),
        (
            f"https://{LONGEST_HOST}a/",
            "has too long a host name; at most 253 characters are allowed, and 63 between two dots",
        ),
    ],
)
def test_a_refused_url_is_told_what_is_allowed(url: str, words: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        normalise_url(url)
    assert str(refused.value) == words


def test_an_international_name_is_what_browsers_make_of_it() -> None:
    """UTS #46 leaves out variation selectors."""
    assert normalise_url("https://caf\u00e9\ufe0f.example/") == "https://xn--caf-dma.example/"
    with pytest.raises(UrlRefused, match=r"not a valid international domain name \(Codepoint U\+2615 "):
        normalise_url("https://\u2615.example/")


def test_the_longest_host_and_loopback_where_it_is_allowed(dns: Dns) -> None:
    assert normalise_url(f"https://{LONGEST_HOST}/") == f"https://{LONGEST_HOST}/"
    dns(["127.0.0.1"])
    assert check_resolves_public("https://localhost:1/", allow_loopback=True)
    with pytest.raises(Ipv6Only):
        normalise_url("https://[::1]/", allow_loopback=True)


def test_a_look_up_that_hangs_holds_up_no_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(*_: Any, **__: Any) -> list[Any]:
        over.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    monkeypatch.setattr("webhooks.urls._RESOLVE_SECONDS", 0.05)
    assert not check_resolves_public("https://hooks.example.com/")
    over.set()


def test_a_url_without_a_host_leads_nowhere() -> None:
    with pytest.raises(UrlRefused, match=r"^is not a valid URL; expected https://host/path$"):
        check_resolves_public("https:///hook")


def test_rebinding_between_save_and_attempt(connects: list[str], dns: Dns) -> None:
    dns(["93.184.215.14"], ["169.254.169.254"])
    check_resolves_public("https://hooks.example.com/")
    assert attempt("https://hooks.example.com/").error == "address 169.254.169.254 is not public"
    assert connects == []


def test_rebinding_between_check_and_connect(connects: list[str], dns: Dns) -> None:
    """There is one look-up a connection, and the connection goes to what was vetted."""
    looked_up = dns(["93.184.215.14"], ["127.0.0.1"])
    attempt("https://hooks.example.com/")
    assert (looked_up, connects) == (["hooks.example.com"], ["93.184.215.14"])


def test_a_name_without_an_answer_is_saved_and_judged_later(
    monkeypatch: pytest.MonkeyPatch, connects: list[str]
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert not check_resolves_public("https://not-yet.example.com/")
    assert attempt("https://not-yet.example.com/").error == "the host name does not resolve"
    assert connects == []


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("127.0.0.1", True), ("127.255.255.254", True), ("::1", True), ("::2", False), ("10.0.0.1", False)],
)
def test_loopback_alone_is_allowed_and_only_when_asked_for(address: str, allowed: bool) -> None:
    assert may_connect(address, allow_loopback=True) is allowed
    with pytest.raises(AddressRefused):
        vet([address])


def test_each_address_of_a_name_is_answered_once() -> None:
    found = resolve("localhost", 443, seconds=5)
    assert "127.0.0.1" in found
    assert len(set(found)) == len(found)


def test_a_look_up_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [over.wait(5)][:0])
    with pytest.raises(TimeoutError):
        resolve("hooks.example.com", 443, seconds=0.05)
    over.set()


@given(st.text(max_size=40), st.sampled_from(["https://{}/", "https://{}.example.com/", "https://example.com{}"]))
def test_whatever_is_typed_is_refused_or_normalised_once_and_for_all(text: str, template: str) -> None:
    try:
        normal = normalise_url(template.format(text))
    except UrlRefused:
        return
    assert normal.isascii()
    assert normalise_url(normal) == normal
    assert urlsplit(normal).hostname


def test_the_local_stage_may_use_loopback_and_nothing_else_is_more_allowed() -> None:
    assert normalise_url("https://localhost:8443/x", allow_loopback=True) == "https://localhost:8443/x"
    assert normalise_url("https://127.1/", allow_loopback=True) == "https://127.0.0.1/"
    for url in (
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://[::ffff:127.0.0.1]/",
        "https://intranet/",
    ):
        with pytest.raises(UrlRefused):
            normalise_url(url, allow_loopback=True)


def interpreters() -> list[str]:
    """Every Python from 3.11 at hand that runs: this one, those on the PATH, pyenv's."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    folders += Path.home().glob(".pyenv/versions/*/bin")
    names = [f"python3.{minor}" for minor in range(11, 20)]
    found = {sys.executable: sys.version.split()[0]}
    for path in sorted(folder / name for folder in folders for name in names if (folder / name).exists()):
        version = subprocess.run(
            [path, "-c", "import sys; print(sys.version.split()[0])"], capture_output=True, text=True
        )
        if version.returncode == 0 and version.stdout.strip() not in found.values():
            found[str(path)] = version.stdout.strip()
    return list(found)


CHECK = """
import json, sys
from webhooks.addresses import may_connect
from webhooks.urls import normalise_url
from webhooks.errors import UrlRefused
def normal(url):
    try:
        return normalise_url(url)
    except UrlRefused:
        return None
addresses, urls = json.load(sys.stdin)
print(json.dumps([[may_connect(a) for a in addresses], [normal(u) for u in urls], "idna" in sys.modules]))
"""


def check_in(interpreter: str, urls: list[str], *libraries: Path) -> tuple[list[bool], list[str | None], bool]:
    """Of an interpreter without any site packages but the libraries given."""
    addresses = [address for address, _ in PRIVATE] + PUBLIC
    paths = os.pathsep.join(map(str, (ROOT / "layers/webhooks/python", *libraries)))
    shown = subprocess.run(
        [interpreter, "-S", "-c", CHECK],
        input=json.dumps([addresses, urls]),
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    by_address, by_url, loaded = json.loads(shown.stdout)
    return by_address, by_url, loaded


@pytest.mark.parametrize("interpreter", interpreters())
def test_the_results_are_the_same_on_every_python(interpreter: str) -> None:
    table = [(url, None) for url, _ in HOSTILE] + LEGITIMATE
    by_address, by_url, _ = check_in(interpreter, [url for url, _ in table], Path(idna.__file__).parents[1])
    assert by_address == [False] * len(PRIVATE) + [True] * len(PUBLIC)
    assert by_url == [normal for _, normal in table]


def test_the_standard_library_is_enough_but_for_international_names() -> None:
    table = [(url, None) for url, _ in HOSTILE if url.isascii()] + [(u, n) for u, n in LEGITIMATE if u.isascii()]
    _, by_url, loaded = check_in(sys.executable, [url for url, _ in table])
    assert by_url == [normal for _, normal in table]
    assert not loaded
