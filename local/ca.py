"""A certificate authority of this machine's own, and the server certificate that receivers use."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def create(directory: Path) -> tuple[Path, Path]:
    """The authority's certificate and key in `directory`, made anew only when they are not there."""
    certificate, key = directory / "ca.pem", directory / "ca-key.pem"
    if not (certificate.exists() and key.exists()):
        directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        key.touch(mode=0o600)
        authority.private_key_pem.write_to_path(str(key))
        authority.cert_pem.write_to_path(str(certificate))
    return certificate, key


def server_file(certificate: Path, key: Path) -> Path:
    """A key and a certificate for a server at localhost, issued by the authority, in one file beside it."""
    authority = trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    pem = certificate.parent / "localhost.pem"
    pem.touch(mode=0o600)
    authority.issue_cert("localhost", "127.0.0.1", "::1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    return pem


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Returns the TLS context of a server at localhost, with a certificate issued by the authority."""
    authority = trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(context)
    return context
