"""
Which addresses a delivery may be sent to: those that are globally reachable.

The tables follow the IANA special-purpose address registries, https://www.iana.org/assignments/iana-ipv4-special-registry
and …/iana-ipv6-special-registry. `ipaddress.is_global` is not used: it differs between Python versions.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from webhooks.errors import AddressRefused, Ipv6Only

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
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Network("::1/128")

# A look-up cannot be cancelled, only abandoned: RES_OPTIONS bounds how long one occupies its thread.
# More than the attempts of a batch, as those of the batch before may still be at it: waiting here would be charged to
# endpoints whose names resolve at once.
_resolvers = ThreadPoolExecutor(max_workers=100, thread_name_prefix="resolver")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether packets to the address go to the Internet: the same answer on every Python version."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _PRIVATE_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in block for block in _PRIVATE_V6)


def may_connect(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether a delivery may be sent to the address. `allow_loopback` is for the local stage alone."""
    parsed = ip_address(address)
    return is_public(parsed) or (allow_loopback and parsed in (_LOOPBACK_V4 if parsed.version == 4 else _LOOPBACK_V6))


def vet(addresses: list[str], *, allow_loopback: bool = False) -> list[str]:
    """
    The addresses to connect to: the IPv4 ones, because a Lambda function outside a VPC has no route over IPv6.

    Raises AddressRefused when any of a name's addresses is not public, so that which one is used is never left to chance,
    and Ipv6Only when none can be reached.
    """
    for address in addresses:
        if not may_connect(address, allow_loopback=allow_loopback):
            raise AddressRefused(address)
    reachable = [address for address in addresses if ":" not in address]
    if not reachable:
        raise Ipv6Only
    return reachable


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
