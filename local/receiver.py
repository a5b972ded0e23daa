"""A real HTTPS server on loopback that keeps what it receives and answers as it is told."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One POST. `at` in Unix seconds, when its body had been read."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """`seconds` is how long it takes to come."""

    status: int = 200
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Receiver:
    """Answers 200 unless a path's answer was set. Header names of what it received are in lower case."""

    def __init__(self, context: ssl.SSLContext, on_received: Callable[[Received], None] | None = None) -> None:
        self._arrived = threading.Condition()
        self._received: list[Received] = []
        self._answers: dict[tuple[str, str | None], Answer] = {}
        self.on_received = on_received
        self._closing = threading.Event()
        self._server = _Server(self, context)
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def answer(self, path: str, answer: Answer, *, event_id: str | None = None) -> None:
        """To all events, or to one, whatever the others are answered."""
        self._answers[path, event_id] = answer

    def received(self, path: str) -> list[Received]:
        with self._arrived:
            return [request for request in self._received if request.path == path]

    def wait_for(self, path: str, count: int, *, seconds: float) -> list[Received]:
        """The first `count` requests to the path. Raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._count(path) >= count, timeout=seconds):
                raise TimeoutError(f"{self._count(path)} of {count} requests to {path} within {seconds} s")
            return [request for request in self._received if request.path == path][:count]

    def _count(self, path: str) -> int:
        return sum(request.path == path for request in self._received)

    def take(self, request: Received) -> Answer:
        """Called by the server's threads."""
        with self._arrived:
            self._received.append(request)
            self._arrived.notify_all()
        if self.on_received:
            self.on_received(request)
        to_all = self._answers.get((request.path, None), Answer())
        answer = self._answers.get((request.path, request.headers.get("webhook-id")), to_all)
        if answer.seconds:
            self._closing.wait(answer.seconds)
        return answer

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(context: ssl.SSLContext) -> Iterator[Receiver]:
    receiver = Receiver(context)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake happens in the connection's own thread: a client that stalls holds up nobody."""
        self.receiver.connections += 1
        request.settimeout(60)
        try:
            with self._context.wrap_socket(request, server_side=True) as tls:
                super().finish_request(tls, client_address)
        except OSError:
            return  # the other side went away

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server: Any = self.server
        answer = server.receiver.take(Received(time.time(), self.path, headers, body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        sent = b"" if answer.status in (204, 304) else answer.body
        if answer.status != 204:
            self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what arrives is kept, not printed."""
