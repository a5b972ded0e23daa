"""Why an attempt failed, in words that a customer can act on."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, HTTPException, UnknownProtocol

from urllib3.exceptions import HTTPError

from deliver.schedule import ATTEMPT_SECONDS


class AttemptFailed(Exception):
    """The endpoint did not do its part. Not an OSError: it passes through urllib3 as it is."""


def of_status(status: int) -> str | None:
    """None for 200, the only success."""
    if status == 200:
        return None
    hint = " (redirects are not followed)" if 300 <= status < 400 else ""
    return f"answered {status}, expected 200{hint}"


def explain(error: OSError | HTTPException | HTTPError, step: str) -> str:
    """`step` is what was being done, such as "connecting"."""
    cause: BaseException = error
    while isinstance(cause, HTTPError) and isinstance(cause.__cause__ or (cause.args or [None])[-1], Exception):
        cause = cause.__cause__ or cause.args[-1]
    match cause:
        case ssl.SSLCertVerificationError():
            return _certificate(cause)
        case TimeoutError():
            waiting = "" if step == "waiting for the answer" else f" (still {step})"
            return f"no answer within {ATTEMPT_SECONDS:g} s{waiting}"
        case socket.gaierror() if cause.errno == socket.EAI_AGAIN:
            return "the host name cannot be looked up: its DNS servers do not answer"
        case socket.gaierror():
            return "the host name does not resolve"
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return f"connection closed by the endpoint while {step}"
        case ssl.SSLError() if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return "the endpoint does not speak TLS at this port"
        case ssl.SSLError():
            return f"TLS failed: {(cause.reason or str(cause)).replace('_', ' ').lower()}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return f"connection closed by the endpoint while {step}"
        case BadStatusLine():
            return f"the answer is not HTTP: it begins with {str(cause).strip()[:60]!r}"
        case UnknownProtocol():
            return f"answered in {str(cause)[:20]}, expected HTTP/1.1"
        case OSError():
            return f"{(cause.strerror or 'network error').lower()} while {step}"
        case _:
            return f"the answer is not valid HTTP: {str(cause)[:200]}"


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


_CAUSES = {
    "answered ": "Status",
    "no answer within": "Timeout",
    "certificate": "TLS",
    "TLS failed": "TLS",
    "the endpoint does not speak TLS": "TLS",
    "the host name": "DNS",
    "address ": "Address",
    "the URL ": "Address",
}


def cause(error: str) -> str:
    """Of the words above, one of the few that are counted: Status, Timeout, TLS, DNS, Address, or else Connection."""
    return next((cause for words, cause in _CAUSES.items() if error.startswith(words)), "Connection")
