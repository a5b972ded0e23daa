"""The promise itself: 10 s, 60 s and 5 min, measured at the receiver."""

from __future__ import annotations

from itertools import pairwise

import pytest

from local.client import account_client
from local.receiver import Answer
from tests.deployed import deploying, receiving_for
from webhooks.event_types import EVENT_TYPES

EVENT = EVENT_TYPES["message.incoming"]


@pytest.mark.slow(minutes=7)
def test_four_posts_at_the_promised_times_then_failing_then_active() -> None:
    as_on_aws = {"packages": ""}  # the dependency layer itself, and not what the local stage has in its place
    with deploying((10, 60, 300), as_on_aws) as deployed, receiving_for(deployed) as receiver:
        client = account_client(deployed.outputs, "acme")
        webhook = client.post(
            "/v1/webhooks", {"name": "dead", "url": receiver.url("/dead"), "events": [EVENT.name]}, 201
        )
        receiver.answer("/dead", Answer(500))
        event_id = deployed.platform.publish("acme", EVENT.name, dict(EVENT.example))
        posts = receiver.wait_for("/dead", 4, seconds=420)
        gaps = [round(later.at - earlier.at, 2) for earlier, later in pairwise(posts)]
        print(f"gaps between the four POSTs: {gaps} s")
        assert all(promised <= gap <= promised + 2 for promised, gap in zip((10, 60, 300), gaps, strict=True))
        assert {(post.body, post.headers["webhook-id"]) for post in posts} == {(posts[0].body, event_id)}

        client.await_webhook(webhook["id"], lambda w: w["status"] == "failing", seconds=60)
        receiver.answer("/dead", Answer(200))
        deployed.platform.publish("acme", EVENT.name, dict(EVENT.example))
        client.await_webhook(webhook["id"], lambda w: w["status"] == "active", seconds=30)
        assert len(receiver.received("/dead")) == 5
        client.close()
