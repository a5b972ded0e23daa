"""What the demo's and the tests' client repeats."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.client import Client

GATEWAY, OURS = "application/json", "application/problem+json"


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """A server's address, and the bodies that it was sent; it gives each answer once."""
    left = list(answers)
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, content_type = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([(429, GATEWAY), (202, GATEWAY)], 202),
        ([(429, OURS)], 429),
        ([(503, GATEWAY)], 503),
    ],
)
def test_only_a_call_that_did_not_reach_the_api_is_repeated(answers: list[tuple[int, str]], status: int) -> None:
    with answering(*answers) as (url, bodies):
        client = Client(url, "key")
        assert client.call("POST", "/v1/events", json={"n": 1}).status_code == status
        client.close()
    assert [json.loads(body) for body in bodies] == [{"n": 1}] * len(answers)
