"""The main job, on the deployed stack."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.client import Client
from local.emulator import ROOT
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from webhooks.event_types import EVENT_TYPES
from webhooks.messages import DeliveryMessage

EVENT = EVENT_TYPES["message.incoming"]
Account = tuple[str, Client]


def create(client: Client, url: str, *events: str) -> Any:
    return client.post("/v1/webhooks", {"name": "test", "url": url, "events": events or [EVENT.name]}, 201)


def is_final(delivery: Any) -> bool:
    return delivery["status"] in ("delivered", "failed", "cancelled")


def test_the_promised_post_arrives_and_verifies(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    other = create(client, receiver.url("/other"), "contact.created")
    event_id = deployed.platform.publish(
        account_id, EVENT.name, dict(EVENT.example), timestamp="2026-05-29T16:00:00+05:30"
    )
    posted = receiver.wait_for("/hook", 1, seconds=30)[0]

    # The example of the contract, to the letter.
    assert json.loads(posted.body) == {
        "event": "message.incoming",
        "timestamp": "2026-05-29T10:30:00Z",
        "data": {
            "message_id": "wamid.xxx",
            "from": "+919876543210",
            "contact_name": "John Doe",
            "type": "text",
            "text": "Hello, I need help with my order",
            "whatsapp_account_id": "uuid",
        },
    }
    assert list(json.loads(posted.body)) == ["event", "timestamp", "data"]
    # The three lines that customers are told to use, and somebody else's library.
    expected = hmac.new(webhook["secret"].encode(), posted.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, posted.headers["x-webhook-signature"])
    Webhook(webhook["secret"]).verify(posted.body, dict(posted.headers))
    assert posted.headers["webhook-id"] == event_id
    assert posted.headers["content-type"] == "application/json"

    delivery = client.await_delivery(webhook["id"], event_id, is_final, seconds=10)
    assert (delivery["status"], delivery["payload"]) == ("delivered", json.loads(posted.body))
    assert [a["status_code"] for a in delivery["attempts"]] == [200]
    assert client.get(f"/v1/webhooks/{other['id']}/deliveries")["data"] == []
    assert receiver.received("/other") == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(204), "answered 204, expected 200"),
        (Answer(301, headers={"Location": "/elsewhere"}), "answered 301, expected 200 (redirects are not followed)"),
        (Answer(404), "answered 404, expected 200"),
        (Answer(500), "answered 500, expected 200"),
        (Answer(200, seconds=6), "no answer within 5 s"),
    ],
    ids=["204", "301", "404", "500", "6 s"],
)
def test_anything_but_a_200_in_5_seconds_is_retried(
    deployed: Deployed, account: Account, receiver: Receiver, answer: Answer, words: str
) -> None:
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    receiver.answer("/hook", answer)
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    first = client.await_delivery(webhook["id"], event_id, lambda d: d["attempts"], seconds=30)
    assert (first["status"], first["attempts"][0]["error"]) == ("retrying", words)
    assert first["next_attempt_at"] > first["attempts"][0]["at"]
    receiver.answer("/hook", Answer(200))
    second = client.await_delivery(webhook["id"], event_id, is_final, seconds=30)
    assert (second["status"], second["attempts"][-1]["error"]) == ("delivered", None)
    assert receiver.received("/elsewhere") == []


def test_failing_and_back_to_active(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    failing = client.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
    assert failing["failing_reason"] == "answered 500, expected 200"
    assert client.get(f"/v1/webhooks/{webhook['id']}/deliveries/{event_id}")["status"] == "failed"
    posts = receiver.received("/hook")
    assert len(posts) == 4
    assert {(post.body, post.headers["webhook-id"]) for post in posts} == {(posts[0].body, event_id)}

    receiver.answer("/hook", Answer(200))
    deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    active = client.await_webhook(webhook["id"], lambda w: w["status"] == "active", seconds=30)
    assert (active["failing_since"], active["failing_reason"]) == (None, None)


@pytest.mark.alone
def test_one_event_many_times_is_one_post(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    """Published twice, fanned out twice, and its queue message sent again."""
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id="order-1")
    assert event_id == "order-1"
    delivered = client.await_delivery(webhook["id"], event_id, is_final, seconds=30)
    deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id="order-1")
    detail = {"account_id": account_id, "id": "order-1", "data": {**EVENT.example, "text": "changed"}}
    _put_event(deployed, json.dumps(detail))
    again = DeliveryMessage(
        webhook_id=webhook["id"],
        account_id=account_id,
        event_id=event_id,
        event=EVENT.name,
        accepted_at=delivered["accepted_at"],
        round=1,
        round_started_at=delivered["accepted_at"],
        body=json.dumps(delivered["payload"], separators=(",", ":")),
    )
    sqs = deployed.outputs.client("sqs")
    sqs.send_message(QueueUrl=deployed.resources["DeliveryQueueUrl"], **again.to_request())
    # What is published last arrives after all of them went through.
    last = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_delivery(webhook["id"], last, is_final, seconds=30)
    await_empty(deployed, "DeliveryQueueUrl")
    assert [post.headers["webhook-id"] for post in receiver.received("/hook")] == ["order-1", last]
    assert client.get(f"/v1/webhooks/{webhook['id']}/deliveries/order-1") == delivered


@pytest.mark.slow
@pytest.mark.alone
def test_two_copies_of_a_failing_message_keep_to_one_schedule(
    deployed: Deployed, account: Account, receiver: Receiver
) -> None:
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    for _ in range(2):
        deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example), id="twice")
    client.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
    for queue in ("DeliveryQueueUrl", "RetryQueueUrl", "DeadLetterQueueUrl"):
        await_empty(deployed, queue)
    assert len(receiver.received("/hook")) == 4
    delivery = client.get(f"/v1/webhooks/{webhook['id']}/deliveries/twice")
    assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3, 4]


def test_the_backend_publishes_on_the_bus(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    """Without an id and a time of its own: EventBridge's are taken."""
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    bus_id = _put_event(deployed, json.dumps({"account_id": account_id, "data": dict(EVENT.example)}))
    posted = receiver.wait_for("/hook", 1, seconds=30)[0]
    assert posted.headers["webhook-id"] == bus_id
    assert client.await_delivery(webhook["id"], bus_id, is_final, seconds=10)["status"] == "delivered"


def test_the_guides_function_publishes_a_batch(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    account_id, client = account
    create(client, receiver.url("/hook"))
    guide = (ROOT / "docs" / "publishing.md").read_text()
    (snippet,) = re.findall(r"```python\n(.+?)```", guide, re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    event = {"account_id": account_id, "event": EVENT.name, "data": dict(EVENT.example)}
    bus = deployed.outputs.client("events"), deployed.outputs.event_bus_name
    names["publish"](*bus, [event | {"id": "first"}, event | {"id": "second"}])
    posts = receiver.wait_for("/hook", 2, seconds=30)
    assert sorted(post.headers["webhook-id"] for post in posts) == ["first", "second"]


def test_a_malformed_event_on_the_bus_is_kept_with_its_reason(
    deployed: Deployed, account: Account, receiver: Receiver
) -> None:
    """Alone, and in a batch, of which the others are delivered."""
    account_id, client = account
    create(client, receiver.url("/hook"))
    bus_id = _put_event(deployed, json.dumps({"account_id": account_id, "data": {"text": "no id"}}))
    rejected = _await_rejected(deployed, bus_id)
    assert rejected["reason"]["field"] == "data.message_id"
    good = {"account_id": account_id, "event": EVENT.name, "data": dict(EVENT.example)}
    events = [good | {"id": "first"}, good | {"data": {"text": "no id"}}, good | {"id": "third"}]
    bus_id = _put_event(deployed, json.dumps({"events": events}), detail_type="batch")
    assert _await_rejected(deployed, f"{bus_id}-1")["reason"]["field"] == "data.message_id"
    posts = receiver.wait_for("/hook", 2, seconds=30)
    assert sorted(post.headers["webhook-id"] for post in posts) == ["first", "third"]


def test_a_hundred_events_of_several_accounts_in_one_call(
    deployed: Deployed, new_account: Callable[[], Account], receiver: Receiver
) -> None:
    """One account has no webhook."""
    accounts = [new_account() for _ in range(3)]
    for number, (_, client) in enumerate(accounts[:2]):
        create(client, receiver.url(f"/{number}"))
    published: dict[str, set[str]] = {account_id: set() for account_id, _ in accounts}
    for _ in range(5):
        events: list[dict[str, Any]] = [
            {"account_id": accounts[number % 10 % 3][0], "event": EVENT.name, "data": dict(EVENT.example)}
            for number in range(100)
        ]
        ids = deployed.platform.post("/v1/events/batch", {"events": events}, 202)["ids"]
        for event, event_id in zip(events, ids, strict=True):
            published[event["account_id"]].add(event_id)
    for number, (account_id, _) in enumerate(accounts[:2]):
        posts = receiver.wait_for(f"/{number}", len(published[account_id]), seconds=60)
        assert {post.headers["webhook-id"] for post in posts} == published[account_id]
    answer = deployed.platform.get("/v1/subscriptions", account_id=accounts[0][0])
    assert answer["events"] == [EVENT.name]
    assert deployed.platform.get("/v1/subscriptions", account_id=accounts[2][0])["events"] == []


def test_disabling_a_webhook_cancels_its_retries(deployed: Deployed, account: Account, receiver: Receiver) -> None:
    account_id, client = account
    webhook = create(client, receiver.url("/hook"))
    receiver.answer("/hook", Answer(500))
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_delivery(webhook["id"], event_id, lambda d: d["attempts"], seconds=30)
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    posts = len(receiver.received("/hook"))
    cancelled = client.await_delivery(webhook["id"], event_id, is_final, seconds=30)
    assert cancelled["status"] == "cancelled"
    assert len(receiver.received("/hook")) - posts in (0, 1)  # one may have been on its way


def test_a_deleted_webhook_is_gone_and_gets_nothing_more(
    deployed: Deployed, account: Account, receiver: Receiver
) -> None:
    account_id, client = account
    webhook, other = create(client, receiver.url("/hook")), create(client, receiver.url("/other"))
    assert client.call("DELETE", f"/v1/webhooks/{webhook['id']}").status_code == 204
    assert client.call("GET", f"/v1/webhooks/{webhook['id']}").status_code == 404
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_delivery(other["id"], event_id, is_final, seconds=30)
    assert receiver.received("/hook") == []


def _put_event(deployed: Deployed, detail: str, *, detail_type: str = EVENT.name) -> str:
    entry = {"Source": "aisoule", "DetailType": detail_type, "Detail": detail}
    bus = deployed.outputs.event_bus_name
    answer = deployed.outputs.client("events").put_events(Entries=[{**entry, "EventBusName": bus}])
    assert answer["FailedEntryCount"] == 0
    return str(answer["Entries"][0]["EventId"])


def _await_rejected(deployed: Deployed, event_id: str) -> Any:
    queue, sqs = deployed.resources["RejectedQueueUrl"], deployed.outputs.client("sqs")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", []):
            rejected = json.loads(message["Body"])
            if rejected["event"]["id"] == event_id:
                return rejected
    raise TimeoutError(f"{event_id} is not on the rejected queue")


def await_empty(deployed: Deployed, queue: str) -> None:
    """Until nothing is waiting, delayed or in flight."""
    sqs, deadline = deployed.outputs.client("sqs"), time.monotonic() + 60
    while True:
        attributes = sqs.get_queue_attributes(QueueUrl=deployed.resources[queue], AttributeNames=["All"])["Attributes"]
        left = sum(int(count) for name, count in attributes.items() if name.startswith("ApproximateNumberOfMessages"))
        if left == 0:
            return
        assert time.monotonic() < deadline, f"{left} messages are still in {queue}"
        time.sleep(0.2)
