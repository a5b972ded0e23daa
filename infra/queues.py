"""The two lanes, delivery queue and retry queue, and the dead-letter queue."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function, queue
from infra.settings import Settings

FUNCTION_SECONDS = 30
"""The timeout of both functions that consume them: the longest attempt, and two tries of each AWS call around it."""

_SPARE_RECEIVES = 3
"""
Receives of a message beyond one for each attempt: throttling or a crash uses up a receive without an attempt. deliver itself
sends what has no attempts left to the dead-letter queue. SQS moves there what deliver cannot handle, which then waits
longer than its schedule (`deliver.dead_letters`).
"""


class Queues(Construct):
    """The queues. They are apart from their functions, because fanout and the API send to both lanes."""

    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self.dead_letters = queue(self, "DeadLetters", settings=settings, visibility_timeout=_visibility())
        self.delivery, self.retry = (
            queue(
                self,
                lane,
                settings=settings,
                visibility_timeout=_visibility(),
                dead_letter_queue=sqs.DeadLetterQueue(
                    queue=self.dead_letters, max_receive_count=settings.attempts + _SPARE_RECEIVES
                ),
            )
            for lane in ("Delivery", "Retry")
        )
        self._local = settings.local

    def environment(self) -> dict[str, str]:
        """What `webhooks.queues` reads."""
        return {
            "DELIVERY_QUEUE_URL": self.delivery.queue_url,
            "RETRY_QUEUE_URL": self.retry.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
        }

    def grant_sending(self, function: Function, *to: sqs.Queue) -> None:
        for one in to:
            one.grant(function, "sqs:SendMessage")
            self.grant_to_emulator(function, one, "sqs:SendMessageBatch")

    def grant_to_emulator(self, function: Function, lane: sqs.Queue, action: str) -> None:
        """Grants an action that the emulator asks for and AWS does not know: on AWS, the single call's covers the batch."""
        if self._local:
            lane.grant(function, action)


def _visibility() -> cdk.Duration:
    """Six times the function's timeout, as AWS advises for event source mappings."""
    return cdk.Duration.seconds(6 * FUNCTION_SECONDS)
