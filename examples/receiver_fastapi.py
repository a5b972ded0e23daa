"""Receives AIsoule webhooks with FastAPI.

pip install fastapi uvicorn standardwebhooks
WEBHOOK_SECRET=whsec_… uvicorn receiver_fastapi:app --port 8000
"""

import json
import os
import sqlite3
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
app = FastAPI()
database = sqlite3.connect(os.environ.get("DATABASE", "webhooks.db"), check_same_thread=False, isolation_level=None)
database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")


def is_new(event_id: str) -> bool:
    """The same event may arrive twice, at the same moment too: the primary key lets one of them in."""
    return database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event_id]).rowcount == 1


def work(event_id: str, body: bytes) -> None:
    """What takes time happens here, after the answer."""
    payload = json.loads(body)  # event, timestamp and data
    print(f"{payload['event']} {event_id}", flush=True)


async def verified(request: Request) -> bytes:
    """The raw body: parsing and encoding it again would change what was signed."""
    body = await request.body()
    try:
        webhook.verify(body, dict(request.headers))  # within five minutes
    except (WebhookVerificationError, ValueError):  # ValueError: a header or body that cannot even be read
        raise HTTPException(401) from None
    return body


@app.post("/hooks")
async def receive(
    body: Annotated[bytes, Depends(verified)], webhook_id: Annotated[str, Header()], background: BackgroundTasks
) -> None:
    """200 to a repeat as well: it did arrive."""
    if is_new(webhook_id):
        background.add_task(work, webhook_id, body)
