"""Which certificates an endpoint may have."""

from __future__ import annotations

import os
import ssl
from functools import cache

import certifi
from urllib3.util.ssl_ import create_urllib3_context


def local_stage() -> bool:
    return os.environ.get("LOCAL_ALLOW_LOOPBACK") == "1"


def tls_context() -> ssl.SSLContext:
    """certifi's authorities and nothing from the environment; in the local stage its own authority too. Made once."""
    return _tls_context(os.environ["LOCAL_CA_FILE"] if local_stage() else None)


@cache
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    # urllib3 adds VERIFY_X509_STRICT on Python 3.13 only; which certificates pass must not depend on the interpreter.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
