"""Receives AIsoule webhooks with Flask.

pip install flask standardwebhooks
WEBHOOK_SECRET=whsec_… flask --app receiver_flask run --port 8000
"""

import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, Response, request
from standardwebhooks import Webhook, WebhookVerificationError

DATABASE = os.environ.get("DATABASE", "webhooks.db")
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
workers = ThreadPoolExecutor(max_workers=4)
app = Flask(__name__)


def is_new(event_id: str) -> bool:
    """The same event may arrive twice, in another process too: the primary key lets one of them in."""
    database = sqlite3.connect(DATABASE, isolation_level=None)
    try:
        database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
        return database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event_id]).rowcount == 1
    finally:
        database.close()


def work(event_id: str, body: bytes) -> None:
    """What takes time happens here, on another thread."""
    payload = json.loads(body)  # event, timestamp and data
    print(f"{payload['event']} {event_id}", flush=True)


@app.post("/hooks")
def receive() -> Response:
    body = request.get_data()  # the raw bytes; `request.json` would be parsed already
    try:
        webhook.verify(body, dict(request.headers))  # within five minutes
    except (WebhookVerificationError, ValueError):  # ValueError: a header or body that cannot even be read
        return Response(status=401)
    event_id = request.headers["webhook-id"]
    if is_new(event_id):
        workers.submit(work, event_id, body)
    return Response(status=200)  # to a repeat as well: it did arrive
