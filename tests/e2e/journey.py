"""Everything that the service does, once: each step raises soon when what it needs is not permitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from local.client import ApiRefused, Client, account_client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from webhooks.item_keys import event_key
from webhooks.items import event_item
from webhooks.messages import DeliveryMessage
from webhooks.models import new_id
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339

DATA = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}
SECONDS = 10


class Journey:
    """In an account of its own. The retry delays are 1 s each."""

    def __init__(self, deployed: Deployed, receiver: Receiver) -> None:
        self._deployed = deployed
        self._receiver = receiver
        self._account_id = new_id("acct")
        self._path = f"/{self._account_id}"

    def steps(self) -> list[Callable[[], None]]:
        return [
            self.keys,
            self.webhooks,
            self.publish,
            self.fail_and_recover,
            self.keep_the_pace,
            self.reject,
            self.requeue,
            self.gone,
            self.delete,
            self.erase,
        ]

    def first_failure(self) -> str | None:
        for step in self.steps():
            try:
                step()
            except (ApiRefused, TimeoutError, AssertionError) as failed:
                return f"{step.__name__}: {' '.join(str(failed).split())[:110]}"
        return None

    def keys(self) -> None:
        platform = self._deployed.platform
        minted = platform.post("/v1/api-keys", {"account_id": self._account_id}, 201)
        assert len(platform.get("/v1/api-keys", account_id=self._account_id)["data"]) == 1
        _expect(platform, "DELETE", f"/v1/api-keys/{minted['id']}", 204)
        self._client = account_client(self._deployed.outputs, self._account_id)

    def webhooks(self) -> None:
        values = {
            "name": "Orders",
            "url": self._receiver.url(self._path),
            "events": ["message.incoming"],
            "catch_up": True,
        }
        self._id = self._client.post("/v1/webhooks", values, 201)["id"]
        self._client.patch(f"/v1/webhooks/{self._id}", {"name": "Order worker"})
        assert len(self._client.get("/v1/webhooks")["data"]) == 1
        self._listen()

    def publish(self) -> None:
        event_id = self._publish()
        self._await(event_id, "delivered")
        tested = self._client.post(f"/v1/webhooks/{self._id}/test", {"event": "message.read"}, 202)["event_id"]
        self._await(tested, "delivered")
        assert len(self._client.get(f"/v1/webhooks/{self._id}/deliveries")["data"]) == 2
        _expect(self._client, "POST", f"/v1/webhooks/{self._id}/deliveries/{event_id}/retry", 202)
        self._await(event_id, "delivered", attempts=2)

    def fail_and_recover(self) -> None:
        self._receiver.answer(self._path, Answer(500))
        event_id = self._publish()
        self._await(event_id, "failed", seconds=3 * SECONDS)  # four attempts, a second and a poll apart
        listed = self._client.get(f"/v1/webhooks/{self._id}/deliveries", status="failed")["data"]
        assert [delivery["event_id"] for delivery in listed] == [event_id]
        assert self._status() == "failing"
        self._await_operational_event(lambda event: event["detail-type"] == "webhook.failing")
        self._receiver.answer(self._path, Answer(200))
        self._client.patch(f"/v1/webhooks/{self._id}", {"max_per_second": 1})
        since = {"since": "2026-01-01T00:00:00Z"}
        assert self._client.post(f"/v1/webhooks/{self._id}/recover", since, 202)["enqueued"] == 1
        self._await(event_id, "delivered")
        self._client.await_webhook(self._id, lambda webhook: webhook["status"] == "active", seconds=SECONDS)
        self._release()  # of what a person has sent again already, nothing is left
        assert self._client.get(f"/v1/webhooks/{self._id}/catch-up")["state"] == "done"
        self._client.patch(f"/v1/webhooks/{self._id}", {"enabled": False})
        self._client.patch(f"/v1/webhooks/{self._id}", {"enabled": True})

    def keep_the_pace(self) -> None:
        """An event waits because the moments of the next five minutes are taken; then it is released."""
        log = self._deployed.resources["LogTable"]
        dynamodb = self._deployed.outputs.client("dynamodb")
        pace = {"pk": {"S": f"PACE#{self._id}"}, "sk": {"S": "PACE"}}

        def next_moment(seconds: float) -> None:
            moment = {":moment": {"N": str(round((now().timestamp() + seconds) * 1000))}}
            dynamodb.update_item(
                TableName=log, Key=pace, UpdateExpression="SET next_slot = :moment", ExpressionAttributeValues=moment
            )

        def waiting() -> int:
            item = dynamodb.get_item(TableName=log, Key=pace, ConsistentRead=True)["Item"]
            return int(item["kept"]["N"]) if "due" in item else 0

        next_moment(301)
        event_id = self._publish()
        _await(lambda: waiting() == 1, "the event does not wait")
        next_moment(0)
        for _ in range(2):  # the second sees that nothing is left
            self._release()
        self._await(event_id, "delivered")
        assert waiting() == 0, "what was released still waits"
        self._client.patch(f"/v1/webhooks/{self._id}", {"max_per_second": None})

    def reject(self) -> None:
        """Straight onto the bus, without what the event must have."""
        detail = json.dumps({"account_id": self._account_id, "data": {}})
        entry = {"Source": "aisoule", "DetailType": "message.incoming", "Detail": detail}
        outputs = self._deployed.outputs
        outputs.client("events").put_events(Entries=[entry | {"EventBusName": outputs.event_bus_name}])
        sqs, url = outputs.client("sqs"), self._deployed.resources["RejectedQueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=SECONDS)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if self._account_id in message["Body"]:
                return
        raise TimeoutError("the event was not rejected")

    def requeue(self) -> None:
        """A message that lands among the dead letters through no attempt of its own."""
        at = rfc3339(now())
        message = DeliveryMessage(
            webhook_id=self._id, account_id=self._account_id, event_id=new_id("evt"), event="message.incoming",
            accepted_at=at, round=1, round_started_at=at, body='{"stray":true}',
        )  # fmt: skip
        sqs, url = self._deployed.outputs.client("sqs"), self._deployed.resources["DeadLetterQueueUrl"]
        arrived = len(self._receiver.received(self._path))
        sqs.send_message(QueueUrl=url, **message.to_request())
        self._receiver.wait_for(self._path, arrived + 1, seconds=SECONDS)

    def gone(self) -> None:
        """The endpoint wants no more events: deliver itself disables the webhook, and tells publishers."""
        version = self._deployed.platform.get("/v1/subscriptions", account_id=self._account_id)["version"]
        self._receiver.answer(self._path, Answer(410))
        self._await(self._publish(), "cancelled")
        assert self._status() == "disabled"
        self._await_operational_event(lambda event: event["detail"].get("version", 0) > version)

    def delete(self) -> None:
        _expect(self._client, "DELETE", f"/v1/webhooks/{self._id}", 204)
        self._client.close()

    def erase(self) -> None:
        """Whatever there is in the log, also of a webhook that is deleted: its messages find no webhook and no log."""
        platform, path = self._deployed.platform, f"/v1/accounts/{self._account_id}"
        _expect(platform, "DELETE", path, 202)
        sqs = self._deployed.outputs.client("sqs")
        dynamodb, log = self._deployed.outputs.client("dynamodb"), self._deployed.resources["LogTable"]
        stored = {lane: self._store() for lane in ("RetryQueueUrl", "DeadLetterQueueUrl")}
        for lane, (message, _) in stored.items():
            sqs.send_message(QueueUrl=self._deployed.resources[lane], **message.to_request())

        def gone() -> bool:
            keys = [key for _, key in stored.values()]
            return not any("Item" in dynamodb.get_item(TableName=log, Key=key, ConsistentRead=True) for key in keys)

        _await(gone, "the event of a message is left")

        def done() -> bool:
            self._invoke("deliver.erase")
            return bool(platform.get(f"{path}/erasure")["state"] == "done")

        _await(done, "the account is not erased")
        assert not self._logged(), "its log is left"

    def _release(self) -> None:
        """As each minute."""
        self._invoke("deliver.release")

    def _invoke(self, handler: str) -> None:
        functions = self._deployed.outputs.client("lambda")
        found = next(f for f in functions.list_functions()["Functions"] if f["Handler"].startswith(handler))
        functions.invoke(FunctionName=found["FunctionName"], Payload="{}")

    def _store(self) -> tuple[DeliveryMessage, dict[str, Any]]:
        """An event of which the log has no delivery; a message for it, and the event's key."""
        at, event_id = rfc3339(now()), new_id("evt")
        event = StoredEvent(self._account_id, event_id, "message.incoming", "{}", at)
        item = event_item(event, log_days=1)
        self._deployed.outputs.client("dynamodb").put_item(TableName=self._deployed.resources["LogTable"], Item=item)
        message = DeliveryMessage(
            webhook_id=self._id, account_id=self._account_id, event_id=event_id, event=event.event,
            accepted_at=at, round=1, round_started_at=at, body=event.body,
        )  # fmt: skip
        return message, event_key(self._account_id, event_id)

    def _logged(self) -> list[Any]:
        """The webhook's items in the log table."""
        dynamodb = self._deployed.outputs.client("dynamodb")
        return [
            item
            for kind in ("WEBHOOK", "PACE")
            for item in dynamodb.query(
                TableName=self._deployed.resources["LogTable"],
                ConsistentRead=True,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"{kind}#{self._id}"}},
            )["Items"]
        ]

    def _listen(self) -> None:
        """To the operational events, by a rule of its own on the bus."""
        outputs = self._deployed.outputs
        events, sqs = outputs.client("events"), outputs.client("sqs")
        self._operational_events = sqs.create_queue(QueueName=f"operational-events-{self._account_id}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._operational_events, AttributeNames=["QueueArn"])[
            "Attributes"
        ]
        pattern = {"source": ["aisoule.webhooks"], "detail": {"account_id": [self._account_id]}}
        rule = {"Name": self._account_id, "EventBusName": outputs.event_bus_name}
        events.put_rule(**rule, EventPattern=json.dumps(pattern))
        target = {"Id": "1", "Arn": attributes["QueueArn"]}
        events.put_targets(Rule=self._account_id, EventBusName=outputs.event_bus_name, Targets=[target])

    def _await_operational_event(self, awaited: Callable[[Any], bool]) -> None:
        sqs, until = self._deployed.outputs.client("sqs"), monotonic() + SECONDS
        while monotonic() < until:
            answer = sqs.receive_message(QueueUrl=self._operational_events, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            if any(awaited(json.loads(message["Body"])) for message in answer.get("Messages", [])):
                return
        raise TimeoutError("an operational event was not emitted")

    def _publish(self) -> str:
        return self._deployed.platform.publish(self._account_id, "message.incoming", DATA)

    def _await(self, event_id: str, status: str, attempts: int = 1, seconds: int = SECONDS) -> Any:
        def reached(delivery: Any) -> bool:
            return delivery["status"] == status and len(delivery["attempts"]) >= attempts

        return self._client.await_delivery(self._id, event_id, reached, seconds=seconds)

    def _status(self) -> str:
        webhook = self._client.await_webhook(self._id, lambda webhook: webhook["status"] != "active", seconds=SECONDS)
        return str(webhook["status"])


def _await(reached: Callable[[], bool], otherwise: str) -> None:
    until = monotonic() + SECONDS
    while not reached():
        if monotonic() > until:
            raise TimeoutError(otherwise)
        sleep(0.1)


def _expect(client: Client, method: str, path: str, status: int) -> None:
    answer = client.call(method, path)
    if answer.status_code != status:
        raise ApiRefused(f"{method} {path} answered {answer.status_code}: {answer.text}")
