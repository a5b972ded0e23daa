"""The most memory that each function takes, in a process of its own, for the largest work that it may get."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import boto3

from bench import cloud
from bench.api import call
from bench.batches import ACCOUNT, messages, sqs_event
from bench.fanout import DETAIL, account, event
from bench.measure import write
from bench.sizes import dead
from bench.together import together
from fanout.incoming import MAX_EVENTS
from webhooks.deliveries import ATTEMPTS_KEPT
from webhooks.items import delivery_item
from webhooks.key_table import KeyTable
from webhooks.models import Webhook, new_id

_RETRY_BATCH = 40
_PAGE = 100
_WHOLE = """
import json, sys
from {module} import lambda_handler
for event in json.load(sys.stdin):
    answer = lambda_handler(event, None)
    assert answer is None or not answer.get("batchItemFailures") and answer.get("statusCode", 200) < 300, answer
with open("/proc/self/status") as status:
    (peak,) = [line.split()[1] for line in status if line.startswith("VmHWM:")]
print("\\n" + peak)
"""
"""A process's own peak: what `getrusage` says would be its parent's, if that was larger."""


def figures(url: str) -> dict[str, float]:
    """Megabytes, by work; the part before the colon is the function."""
    hooks = [cloud.webhook(f"{url}/{number}", ACCOUNT) for number in range(_RETRY_BATCH)]
    cloud.put_webhooks(hooks)
    keys = KeyTable(boto3.client("dynamodb"), cloud.CONFIG)
    platform, owner = keys.mint("platform")[1], keys.mint("account", ACCOUNT)[1]
    published = {"account_id": account(1), "event": "message.incoming", "data": DETAIL}
    log = f"/v1/webhooks/{_with_a_full_log(url).id}/deliveries"
    return {
        "deliver: 10 to new connections": _peak("deliver.handler", sqs_event(messages(hooks[:10]))),
        f"deliver: {_RETRY_BATCH} to new connections": _peak(
            "deliver.handler", sqs_event(messages(hooks, lane="retry"))
        ),
        "dead letters: 10": _peak("deliver.dead_letters", sqs_event(messages(hooks[:10], lane="retry"))),
        "fanout: an event that 1 webhook wants": _peak("fanout.handler", event(account(1))),
        "fanout: an event that 500 webhooks want": _peak("fanout.handler", event(account(500))),
        f"fanout: a batch of {MAX_EVENTS} events": _peak(
            "fanout.handler", together([account(1) for _ in range(10)] * (MAX_EVENTS // 10))
        ),
        "api: publish an event": _peak("api.handler", call(platform, "POST", "/v1/events", published)),
        "api: publish a batch of 100": _peak(
            "api.handler", call(platform, "POST", "/v1/events/batch", {"events": [published] * 100})
        ),
        f"api: list {_PAGE} deliveries of {ATTEMPTS_KEPT} attempts": _peak(
            "api.handler", call(owner, "GET", log) | {"queryStringParameters": {"limit": str(_PAGE)}}
        ),
        "api: the specification": _peak("api.handler", call(owner, "GET", "/openapi.json")),
    }


def _with_a_full_log(url: str) -> Webhook:
    """A webhook whose deliveries have each as many attempts as are kept, with the longest answers."""
    webhook = cloud.webhook(f"{url}/full", ACCOUNT)
    cloud.put_webhooks([webhook])
    found = []
    for _ in range(_PAGE):
        (message,) = messages([webhook])
        delivery = dead(replace(message, event_id=new_id("evt")))
        answered = replace(delivery.attempts[0], status_code=500, error="answered 500", response_body="x" * 1024)
        found.append(delivery_item(replace(delivery, attempts=[answered] * ATTEMPTS_KEPT), log_days=30))
    cloud.put_items(cloud.LOG, found)
    return webhook


def _peak(module: str, handed_over: dict[str, Any]) -> float:
    code = _WHOLE.format(module=module)
    given = json.dumps([handed_over])
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


if __name__ == "__main__":
    write(sys.argv[1], figures(sys.argv[2]))
