"""Reads as much of an answer's body as is shown, and as the connection needs to be used again."""

from __future__ import annotations

from http.client import HTTPException

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
    # Its own: urllib3 may give the connection to another attempt as soon as the body has been read.
    watch = connection.deadline_socket.watch
    connection.deadline_socket.settimeout(seconds)
    connection.deadline_socket.received = 0
    try:
        while chunk := response.read1(MAX_RESPONSE_BYTES - read, decode_content=False):
            kept += chunk[: keep - len(kept)]
            read += len(chunk)
    except (OSError, HTTPException, HTTPError, AttemptFailed, ValueError):
        response.close()
        return kept
    if response.closed or read < MAX_RESPONSE_BYTES:
        watch.end()
        response.release_conn()
    else:
        response.close()
    return kept
