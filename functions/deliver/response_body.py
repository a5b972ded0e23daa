"""Reads as much of an answer's body as is shown, and as the connection needs to be used again."""

from __future__ import annotations

from contextlib import suppress

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from deliver.connection import VettedConnection
from deliver.deadline_socket import MAX_RESPONSE_BYTES
from deliver.failures import AttemptFailed


def read_body(response: BaseHTTPResponse, *, keep: int, seconds: float) -> bytes:
    """
    The first `keep` bytes of the body, as sent. Reads on, up to the limit and for `seconds`, so that the connection can
    be used again; a body that does not end by then is abandoned, which is no failure.
    """
    kept = b""
    read = 0
    connection = response.connection
    assert isinstance(connection, VettedConnection)
    connection.deadline_socket.settimeout(seconds)
    connection.deadline_socket.received = 0
    with suppress(HTTPError, AttemptFailed, OverflowError):  # the last one of a chunk of less than -2**63 bytes
        while chunk := response.read1(MAX_RESPONSE_BYTES - read):
            kept += chunk[: keep - len(kept)]
            read += len(chunk)
    response.close()  # and the connection, unless the body has ended: urllib3 keeps that one
    return kept
