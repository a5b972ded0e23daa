"""Receives AIsoule webhooks and loses none: each is stored before the answer, and worked off by another process.

pip install standardwebhooks
WEBHOOK_SECRET=whsec_… PORT=8000 python3 receiver_queue.py receive
python3 receiver_queue.py work
"""

import json
import os
import signal
import sqlite3
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

LIMIT = 65536  # bytes of the largest body that is ever sent


def connect() -> sqlite3.Connection:
    """In production your own database, or a queue such as SQS with a table of the ids that were worked off."""
    database = sqlite3.connect(os.environ.get("DATABASE", "webhooks.db"), isolation_level=None, timeout=5)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body BLOB, done INTEGER DEFAULT 0)")
    return database


class Handler(BaseHTTPRequestHandler):
    timeout = 4

    def do_POST(self) -> None:
        self.send_response_only(self.receive())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def receive(self) -> int:
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(int(length)) if length.isdecimal() and int(length) <= LIMIT else b""
        try:
            webhook.verify(body, dict(self.headers))  # within five minutes
        except (WebhookVerificationError, ValueError):  # ValueError: a header or body that cannot even be read
            return 401
        # A repeat has the same id and is ignored. If this raises, there is no answer, and the event comes again.
        database.execute("INSERT OR IGNORE INTO inbox (id, body) VALUES (?, ?)", [self.headers["webhook-id"], body])
        return 200


def work_off() -> None:
    """SIGTERM lets it finish the event in hand. If it is killed in between, that event is worked off again:
    make that harmless, or part of the same transaction."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    while not stopped:
        row = database.execute("SELECT id, body FROM inbox WHERE NOT done ORDER BY rowid LIMIT 1").fetchone()
        if row is None:
            time.sleep(0.1)
            continue
        event_id, body = row
        payload = json.loads(body)  # event, timestamp and data
        print(f"{payload['event']} {event_id}", flush=True)
        database.execute("UPDATE inbox SET done = 1 WHERE id = ?", [event_id])


database = connect()
if sys.argv[1:] == ["work"]:
    work_off()
    sys.exit()
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
if "TLS_FILE" in os.environ:  # key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_FILE"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
