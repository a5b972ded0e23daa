"""Which URLs a webhook may have: https, with a public host name or address."""

from __future__ import annotations

import re
import socket
import unicodedata
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

from webhooks.addresses import resolve, vet
from webhooks.errors import UrlRefused

MAX_URL = 2048
_RESOLVE_SECONDS = 2.0

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
"""Unicode's categories of control and format characters, lone surrogates and white space."""

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def normalise_url(url: str, *, allow_loopback: bool = False) -> str:
    """
    The URL as it will be requested: ASCII, lower-case host, no trailing dot.

    Raises UrlRefused for anything but https, for credentials, a fragment, an invalid port or host, and for an address,
    in whichever notation, that is not public or is an IPv6 one.
    """
    if len(url) > MAX_URL:
        raise UrlRefused(f"is {len(url)} characters long; at most {MAX_URL} are allowed")
    if any(c == "\\" or unicodedata.category(c) in _UNSEEN for c in url):
        raise UrlRefused("contains white space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = _port(parts)
        host = _normalise_host(parts, allow_loopback)
    except ValueError:
        raise _not_valid() from None
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    normal = f"https://{host}{port}{path}{query}"
    if len(normal) > MAX_URL:
        raise UrlRefused(f"is {len(normal)} characters long when percent-encoded; at most {MAX_URL} are allowed")
    return normal


def _not_valid() -> UrlRefused:
    return UrlRefused("is not a valid URL; expected https://host/path")


def check_resolves_public(url: str, *, allow_loopback: bool = False) -> bool:
    """
    At save: whether the name of a normalised URL resolves. Raises AddressRefused when it does to an address that is not
    public, Ipv6Only when it has IPv6 addresses alone, and UrlRefused for a URL without a host.

    A name that has no answer within 2 s passes: it is checked again at every attempt.
    """
    parts = urlsplit(url)
    if parts.hostname is None:
        raise _not_valid()
    try:
        addresses = resolve(parts.hostname, parts.port or 443, seconds=_RESOLVE_SECONDS)
    except OSError:
        return False
    vet(addresses, allow_loopback=allow_loopback)
    return True


def _port(parts: SplitResult) -> str:
    """The `:port` suffix, empty for 443. Refuses all that is not `https://host[:port]/…`."""
    if not parts.scheme:
        raise UrlRefused("must start with https://")
    if parts.scheme != "https":
        raise UrlRefused(f"starts with {parts.scheme}; only https:// is allowed")
    if "@" in parts.netloc:
        raise UrlRefused("contains credentials (user:password@); use a custom header instead")
    if parts.fragment:
        raise UrlRefused("contains a fragment (#…), which is never sent to a server")
    match = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", parts.netloc)
    port = int(match[1] or 443) if match else 0
    if not 1 <= port <= 65535:
        raise UrlRefused("has an invalid port; expected a number from 1 to 65535")
    return "" if port == 443 else f":{port}"


def _normalise_host(parts: SplitResult, allow_loopback: bool) -> str:
    """A host name in ASCII, or an address as the standard library prints it (IPv6 in brackets)."""
    host = parts.hostname or ""
    if "[" in parts.netloc:  # what may stand in brackets, Python versions do not agree on
        return f"[{_public(str(IPv6Address(host)), allow_loopback)}]"
    host = _ascii(host).removesuffix(".")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _public(_any_ipv4(host), allow_loopback)
    if host == "localhost" and allow_loopback:
        return host
    if any(len(label) > 63 for label in host.split(".")) or len(host) > 253:
        raise UrlRefused("has too long a host name; at most 253 characters are allowed, and 63 between two dots")
    if not _HOST.fullmatch(host):
        raise UrlRefused(f"has the host {host!r}; expected a public host name such as example.com")
    return host


def _public(address: str, allow_loopback: bool) -> str:
    vet([address], allow_loopback=allow_loopback)
    return address


def _any_ipv4(host: str) -> str:
    """Reads what resolvers read: 127.1, 0x7f000001, 017700000001, 2130706433 (all of inet_aton's notations)."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        raise UrlRefused(f"has the host {host!r}, which ends in a number but is no IPv4 address") from None


def _ascii(host: str) -> str:
    host = unicodedata.normalize("NFKC", host).lower()
    if host.isascii():
        return host
    import idna  # comes with requests; only international names need its tables

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UrlRefused(f"has a host that is not a valid international domain name ({str(error)[:200]})") from None
