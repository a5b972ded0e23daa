"""
Where a webhook may point: https, and only at addresses that are globally reachable.

The tables follow the IANA special-purpose address registries, https://www.iana.org/assignments/iana-ipv4-special-registry
and …/iana-ipv6-special-registry. `ipaddress.is_global` is not used: it differs between Python versions.
"""

from __future__ import annotations

import re
import socket
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urlsplit

from webhooks.errors import AddressRefused, UrlRefused

MAX_URL = 2048

_PRIVATE_V4 = [
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback; Lambda's runtime API listens here
        "169.254.0.0/16",  # link-local; instance metadata, Lambda's runtime API
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# Everything outside it is special: ::, ::1, IPv4-mapped and -compatible, NAT64, ULA, link- and site-local, multicast.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_PRIVATE_V6 = [
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation
    )
]
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
"""Unicode's categories of control and format characters, lone surrogates and white space."""

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# A look-up cannot be cancelled, only abandoned: RES_OPTIONS bounds how long one occupies its thread.
_resolvers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolver")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether packets to the address go to the Internet: the same answer on every Python version."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _PRIVATE_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in block for block in _PRIVATE_V6)


def may_connect(address: str, *, allow_loopback: bool = False) -> bool:
    """Judges one resolved address. `allow_loopback` is for the local stage alone."""
    parsed = ip_address(address)
    return is_public(parsed) or (allow_loopback and parsed in (_LOOPBACK_V4 if parsed.version == 4 else _LOOPBACK_V6))


def vet(addresses: list[str], *, allow_loopback: bool = False) -> None:
    """Raises AddressRefused when any of a name's addresses is not public: which one is used is never left to chance."""
    for address in addresses:
        if not may_connect(address, allow_loopback=allow_loopback):
            raise AddressRefused(address)


def resolve(host: str, port: int, *, seconds: float) -> list[str]:
    """
    Every address of the name, in the resolver's order, without repeats.

    Raises OSError when there is none, TimeoutError (an OSError) after `seconds`.
    """
    future = _resolvers.submit(socket.getaddrinfo, host.encode("ascii"), port, type=socket.SOCK_STREAM)
    try:
        answers = future.result(timeout=seconds)
    except FutureTimeout:
        future.cancel()
        raise TimeoutError(f"no DNS answer for {host}") from None
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


def normalise_url(url: str, *, allow_loopback: bool = False) -> str:
    """
    The URL as it will be requested: ASCII, lower-case host, no trailing dot.

    Raises UrlRefused for anything but https, for credentials, a fragment, a bad port or host, and for an address,
    in whichever notation, that is not public.
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
        raise UrlRefused("is not a valid URL; expected https://host/path") from None
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    normal = f"https://{host}{port}{path}{query}"
    if len(normal) > MAX_URL:
        raise UrlRefused(f"is {len(normal)} characters long when percent-encoded; at most {MAX_URL} are allowed")
    return normal


def check_resolves_public(url: str, *, allow_loopback: bool = False, seconds: float = 2.0) -> None:
    """
    At save: raises AddressRefused when the name of a normalised URL resolves to an address that is not public.

    A name that has no answer within `seconds` passes: it is judged again at every attempt.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    try:
        addresses = resolve(parts.hostname, parts.port or 443, seconds=seconds)
    except OSError:
        return
    vet(addresses, allow_loopback=allow_loopback)


def _port(parts: SplitResult) -> str:
    """The `:port` suffix, empty for 443. Refuses all that is not `https://host[:port]/…`."""
    if parts.scheme != "https":
        raise UrlRefused(f"starts with {parts.scheme or 'no scheme'}; only https:// is allowed")
    if "@" in parts.netloc:
        raise UrlRefused("contains credentials (user:password@); use a custom header instead")
    if parts.fragment:
        raise UrlRefused("contains a fragment (#…), which is never sent to a server")
    match = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", parts.netloc, re.ASCII)
    port = int(match[1] or 443) if match else 0
    if not 1 <= port <= 65535:
        raise UrlRefused("has a bad port; expected a number from 1 to 65535")
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
        raise UrlRefused(f"has a host that is no international domain name: {str(error)[:200]}") from None


_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Network("::1/128")
