"""Receives AIsoule webhooks. Python 3.9 or newer, standard library only.

WEBHOOK_SECRET=whsec_… PORT=8000 python3 receiver.py
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
TOLERANCE = 300  # seconds that a request may be old, or ahead of this clock
LIMIT = 65536  # bytes of the largest body that is ever sent

events: "queue.Queue[tuple[str, bytes]]" = queue.Queue()
seen: dict[str, None] = {}  # keep these in your database: a unique key on webhook-id
lock = threading.Lock()


def is_genuine(body: bytes, signature: str) -> bool:
    """X-Webhook-Signature: that the body is AIsoule's."""
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def is_fresh(body: bytes, event_id: str, timestamp: str, signatures: str) -> bool:
    """webhook-signature (Standard Webhooks): that the id and the time are, too, so that nobody can play it again."""
    key = base64.b64decode(SECRET[len("whsec_") :])
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # There are two for a while after the secret was rotated.
    known = any(hmac.compare_digest(expected, given.encode()) for given in signatures.split(" "))
    return known and timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= TOLERANCE


def is_new(event_id: str) -> bool:
    with lock:
        if event_id in seen:
            return False
        seen[event_id] = None
        if len(seen) > 10_000:
            del seen[next(iter(seen))]
        return True


def work() -> None:
    """What takes time happens here, after the answer."""
    while True:
        event_id, body = events.get()
        payload = json.loads(body)  # event, timestamp and data
        print(f"{payload['event']} {event_id}", flush=True)


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LIMIT:
            return self.answer(400)
        body = self.rfile.read(int(length))  # the raw bytes: parsing and encoding again would change them
        event_id = self.headers.get("webhook-id", "")
        if not is_genuine(body, self.headers.get("X-Webhook-Signature", "")):
            return self.answer(401)
        timestamp = self.headers.get("webhook-timestamp", "")
        if not is_fresh(body, event_id, timestamp, self.headers.get("webhook-signature", "")):
            return self.answer(401)
        if is_new(event_id):
            events.put((event_id, body))
        return self.answer(200)  # to a repeat as well: it did arrive

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
if os.environ.get(
    "TLS_FILE"
):  # key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_FILE"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=work, daemon=True).start()
server.serve_forever()
