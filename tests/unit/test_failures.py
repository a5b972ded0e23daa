"""What each kind of failure is called, by code and in words: docs/why-not-arrived.md."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import BadStatusLine, HTTPException, UnknownProtocol
from typing import Any

import pytest
from urllib3.exceptions import HTTPError, ProtocolError, SSLError

from deliver.failures import WAITING, AttemptFailed, OutOfResources, explain, of_status, timed_out


def tls(error: type[ssl.SSLError] = ssl.SSLError, **said: Any) -> ssl.SSLError:
    """As OpenSSL raises it: what it says is in attributes."""
    made = error(1, "by OpenSSL")
    for name, value in {"reason": None, **said}.items():
        setattr(made, name, value)
    return made


def unverified(code: int, message: str = "") -> ssl.SSLError:
    return tls(ssl.SSLCertVerificationError, verify_code=code, verify_message=message)


def caused(by: Exception) -> HTTPError:
    wrapped = HTTPError("a wrapper")
    wrapped.__cause__ = by
    return wrapped


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (TimeoutError(), "connect_timeout", "no answer within 5 s (still connecting)"),
        (
            socket.gaierror(socket.EAI_AGAIN, "x"),
            "dns",
            "the host name cannot be looked up: its DNS servers do not answer",
        ),
        (socket.gaierror(socket.EAI_NONAME, "x"), "dns", "the host name does not resolve"),
        (ConnectionRefusedError(), "connection_refused", "connection refused"),
        (ConnectionResetError(), "connection_closed", "connection closed by the endpoint while connecting"),
        (BrokenPipeError(), "connection_closed", "connection closed by the endpoint while connecting"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "connection_failed", "no route to host while connecting"),
        (OSError(), "connection_failed", "network error while connecting"),
        (tls(ssl.SSLEOFError), "connection_closed", "connection closed by the endpoint while connecting"),
        (tls(ssl.SSLZeroReturnError), "connection_closed", "connection closed by the endpoint while connecting"),
        (tls(reason="WRONG_VERSION_NUMBER"), "tls_not_spoken", "the endpoint does not speak TLS at this port"),
        (tls(reason="HTTP_REQUEST"), "tls_not_spoken", "the endpoint does not speak TLS at this port"),
        (tls(reason="NO_SHARED_CIPHER"), "tls_handshake", "TLS failed: no shared cipher"),
        (tls(), "tls_handshake", "TLS failed"),
        (unverified(10), "tls_certificate", "certificate has expired"),
        (unverified(18), "tls_certificate", "certificate is self-signed"),
        (
            unverified(62, "Hostname mismatch, certificate is not valid for 'a.example'."),
            "tls_certificate",
            "certificate is not valid for 'a.example'",
        ),
        (
            unverified(64, "IP address mismatch, certificate is not valid for '192.0.2.1'."),
            "tls_certificate",
            "certificate is not valid for '192.0.2.1'",
        ),
        (unverified(23, "CA key too weak"), "tls_certificate", "certificate not accepted: CA key too weak"),
        (caused(ConnectionRefusedError()), "connection_refused", "connection refused"),
        (caused(caused(TimeoutError())), "connect_timeout", "no answer within 5 s (still connecting)"),
        (ProtocolError("aborted", ConnectionRefusedError()), "connection_refused", "connection refused"),
        (SSLError(tls(reason="NO_SHARED_CIPHER")), "tls_handshake", "TLS failed: no shared cipher"),
        (ProtocolError("aborted", "no cause"), "protocol", "the answer is not valid HTTP"),
        (ProtocolError(), "protocol", "the answer is not valid HTTP"),
    ],
)
def test_an_error_is_explained(error: Any, code: str, words: str) -> None:
    failed = explain(error, "connecting")
    assert (failed.code, str(failed), failed.received is None) == (code, words, code != "protocol")


@pytest.mark.parametrize(
    ("error", "words", "received"),
    [
        (BadStatusLine("220 smtp.example"), "the answer is not HTTP", "220 smtp.example"),
        (UnknownProtocol("HTTP/3.0"), "the answer is not HTTP/1.1", "HTTP/3.0"),
        (HTTPException("got more than 100 headers"), "the answer is not valid HTTP", "got more than 100 headers"),
    ],
)
def test_what_came_in_place_of_an_answer_is_kept_beside_the_words(
    error: HTTPException, words: str, received: str
) -> None:
    """The words are logged and emitted. What the endpoint sent is shown to the customer alone."""
    failed = explain(error, WAITING)
    assert (failed.code, str(failed), failed.received) == ("protocol", words, received)


@pytest.mark.parametrize(
    ("step", "code", "words"),
    [
        ("looking up the name", "connect_timeout", "no answer within 5 s (still looking up the name)"),
        ("connecting", "connect_timeout", "no answer within 5 s (still connecting)"),
        ("in the TLS handshake", "connect_timeout", "no answer within 5 s (still in the TLS handshake)"),
        ("sending the request", "timeout", "no answer within 5 s (still sending the request)"),
        (WAITING, "timeout", "no answer within 5 s"),
    ],
)
def test_a_timeout_says_what_was_being_done(step: str, code: str, words: str) -> None:
    failed = explain(TimeoutError(), step)
    assert (failed.code, str(failed)) == (code, words)
    assert str(timed_out()) == "no answer within 5 s"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, None),
        (201, "answered 201, expected 200"),
        (299, "answered 299, expected 200"),
        (300, "answered 300, expected 200 (redirects are not followed)"),
        (399, "answered 399, expected 200 (redirects are not followed)"),
        (400, "answered 400, expected 200"),
    ],
)
def test_200_is_the_only_success(status: int, words: str | None) -> None:
    failed = of_status(status)
    assert (failed and (failed.code, str(failed))) == (words and ("status", words))


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENFILE, "Too many open files in system"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.ENOBUFS, "No buffer space available"),
        OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
        caused(OSError(errno.EMFILE, "Too many open files")),
    ],
)
def test_what_this_process_has_no_more_of_is_no_failure_of_the_endpoint(error: Any) -> None:
    with pytest.raises(OutOfResources) as raised:
        explain(error, "connecting")
    assert str(raised.value) == (error.__cause__ or error).strerror


def test_a_failure_passes_through_urllib3_unchanged() -> None:
    assert not issubclass(AttemptFailed, OSError)
    assert not issubclass(AttemptFailed, HTTPException | HTTPError)
