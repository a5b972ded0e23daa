"""Why an attempt failed: a code for programs, and words that a customer can act on.

Neither contains anything that the endpoint sent: the code is logged, and both are emitted on the bus.
"""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import BadStatusLine, HTTPException, UnknownProtocol

from urllib3.exceptions import HTTPError

from deliver.schedule import ATTEMPT_SECONDS
from webhooks.deliveries import ErrorCode

SENDING = "sending the request"
WAITING = "waiting for the answer"
_BEFORE_THE_REQUEST = ("looking up the name", "connecting", "in the TLS handshake")
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}


METRICS: dict[ErrorCode, str] = {
    "status": "Status",
    "timeout": "Timeout",
    "connect_timeout": "Timeout",
    "dns": "DNS",
    "tls_certificate": "TLS",
    "tls_handshake": "TLS",
    "tls_not_spoken": "TLS",
    "address_not_public": "Address",
    "address_ipv6_only": "Address",
    "url_not_allowed": "Address",
    "protocol": "Protocol",
}
"""The metric that counts a code is `Failed` and this; `FailedConnection` counts the others."""


class AttemptFailed(Exception):
    """The endpoint did not do its part. Not an OSError, so it passes through urllib3 unchanged.

    `received` is what the endpoint sent in place of an HTTP response: shown to the customer only.
    """

    def __init__(self, code: ErrorCode, words: str, received: str | None = None) -> None:
        super().__init__(words)
        self.code = code
        self.received = received


class OutOfResources(Exception):
    """This process has no file descriptor, memory or port left: a fault on our side."""


def of_status(status: int) -> AttemptFailed | None:
    """None for 200, the only success."""
    if status == 200:
        return None
    hint = " (redirects are not followed)" if 300 <= status < 400 else ""
    return AttemptFailed("status", f"answered {status}, expected 200{hint}")


def timed_out(step: str = WAITING) -> AttemptFailed:
    """`step` is what was being done, such as "connecting"."""
    code: ErrorCode = "connect_timeout" if step in _BEFORE_THE_REQUEST else "timeout"
    still = "" if step == WAITING else f" (still {step})"
    return AttemptFailed(code, f"no answer within {ATTEMPT_SECONDS:g} s{still}")


def explain(error: OSError | HTTPException | HTTPError, step: str) -> AttemptFailed:
    """Raises OutOfResources where the error is our own."""
    cause = _cause(error)
    exhausted = {socket.EAI_MEMORY} if isinstance(cause, socket.gaierror) else _EXHAUSTED
    if isinstance(cause, OSError) and cause.errno in exhausted:
        raise OutOfResources(cause.strerror) from error
    closed = AttemptFailed("connection_closed", f"connection closed by the endpoint while {step}")
    match cause:
        case ssl.SSLError():
            return _of_tls(cause, closed)
        case TimeoutError():
            return timed_out(step)
        case socket.gaierror() if cause.errno == socket.EAI_AGAIN:
            return AttemptFailed("dns", "the host name cannot be looked up: its DNS servers do not answer")
        case socket.gaierror():
            return AttemptFailed("dns", "the host name does not resolve")
        case ConnectionRefusedError():
            return AttemptFailed("connection_refused", "connection refused")
        case ConnectionError():
            return closed
        case OSError():
            return AttemptFailed("connection_failed", f"{(cause.strerror or 'network error').lower()} while {step}")
        case BadStatusLine():
            return AttemptFailed("protocol", "the answer is not HTTP", str(cause))
        case UnknownProtocol():
            return AttemptFailed("protocol", "the answer is not HTTP/1.1", str(cause))
        case _:
            return AttemptFailed("protocol", "the answer is not valid HTTP", str(cause))


def _cause(error: OSError | HTTPException | HTTPError) -> BaseException:
    """The exception that urllib3 wrapped."""
    cause: BaseException = error
    while isinstance(cause, HTTPError) and isinstance(cause.__cause__ or (cause.args or [None])[-1], Exception):
        cause = cause.__cause__ or cause.args[-1]
    return cause


def _of_tls(error: ssl.SSLError, closed: AttemptFailed) -> AttemptFailed:
    match error:
        case ssl.SSLCertVerificationError():
            return AttemptFailed("tls_certificate", _certificate(error))
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return closed
        case _ if error.reason in _NOT_TLS:
            return AttemptFailed("tls_not_spoken", "the endpoint does not speak TLS at this port")
        case _:
            reason = f": {error.reason.replace('_', ' ').lower()}" if error.reason else ""
            return AttemptFailed("tls_handshake", f"TLS failed{reason}")


# By OpenSSL's numbers (x509_vfy.h): its words differ from version to version.
_CERTIFICATE = {
    9: "certificate is not yet valid",
    10: "certificate has expired",
    18: "certificate is self-signed",
    19: "certificate is from an unknown authority",
    20: "certificate is from an unknown authority, or an intermediate certificate is missing",
    21: "certificate is from an unknown authority, or an intermediate certificate is missing",
}


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _CERTIFICATE:
        return _CERTIFICATE[error.verify_code]
    reason = error.verify_message.rstrip(".").removeprefix("Hostname mismatch, ").removeprefix("IP address mismatch, ")
    return reason if reason.startswith("certificate ") else f"certificate not accepted: {reason}"
