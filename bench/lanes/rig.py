"""The pipeline as processes of its own around the emulator's queues and tables, and a real receiver in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bench import cloud
from bench.lanes.load import ACCOUNTS, DEAD, WARM_UP_SECONDS, Run
from local import ca, emulator
from local.receiver import Answer, Receiver, receiving

RETRY_DELAYS = "1,2,3"
ANSWER_SECONDS = 0.03
BATCHES_A_LANE = 4
PUBLISHERS = 4
_VISIBILITY_SECONDS = 180
_LATEST_SECONDS = 300.0
_STARTING_SECONDS = 120.0


@dataclass(frozen=True)
class Lane:
    """A queue with its mapping. `size` and `window` (seconds) of a batch."""

    queue: str
    handler: str
    size: int = 10
    window: float = 0.0
    batches: int = BATCHES_A_LANE


DEAD_LETTERS = Lane("dead_letter", "deliver.dead_letters", batches=1)


@dataclass(frozen=True)
class Outcome:
    """Seconds from publishing to arrival by the event's number; `cores` is what all processes used of the machine's."""

    run: Run
    took: dict[int, float]
    cores: float


def measure(share: float, *, rate: float, seconds: float, lanes: list[Lane], directory: Path) -> Outcome:
    started, cpu = time.monotonic(), sum(os.times()[:4])
    certificate, key = ca.create(directory / "ca")
    with receiving(ca.server_context(certificate, key)) as receiver:
        with _cloud(directory, lanes) as environment:
            environment |= {"LOCAL_CA_FILE": str(certificate)}
            _register(receiver, environment)
            with _processes(lanes, environment, directory) as publishers:
                run = Run(share, rate, seconds, time.time() + WARM_UP_SECONDS + 1)
                for publisher in publishers:
                    publisher.write(json.dumps(asdict(run)).encode() + b"\n")
                    publisher.flush()
                time.sleep(max(run.began_at - time.time(), 0))
                receiver.answer(f"/{DEAD}", Answer(seconds=60))
                _await_all(receiver, run)
        took = _took(receiver, run)
    return Outcome(run, took, (sum(os.times()[:4]) - cpu) / (time.monotonic() - started))


def _register(receiver: Receiver, environment: dict[str, str]) -> None:
    """One webhook for each account; all are alive."""
    accounts = [DEAD, *(f"alive-{i}" for i in range(ACCOUNTS))]
    for account in accounts:
        receiver.answer(f"/{account}", Answer(seconds=ANSWER_SECONDS))
    webhooks = [cloud.webhook(receiver.url(f"/{account}"), account) for account in accounts]
    cloud.put_webhooks(webhooks, cloud.client("dynamodb", environment["AWS_ENDPOINT_URL_DYNAMODB"]))


@contextmanager
def _cloud(directory: Path, lanes: list[Lane]) -> Iterator[dict[str, str]]:
    """Two emulators, one for the queues and one for the rest, so that neither waits for the other."""
    places = directory / "queues", directory / "tables"
    try:
        queues, tables = (emulator.start(place).endpoint_url for place in places)
        cloud.make_tables(tables)
        cloud.client("events", tables).create_event_bus(Name=cloud.BUS)
        environment = emulator.environment(tables)
        for name in cloud.NOT_FROM_THE_SHELL:
            environment.pop(name, None)
        yield environment | {
            "AWS_ENDPOINT_URL_SQS": queues,
            "AWS_ENDPOINT_URL_DYNAMODB": tables,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CONFIG_TABLE": cloud.CONFIG,
            "LOG_TABLE": cloud.LOG,
            "EVENT_BUS_NAME": cloud.BUS,
            "PUBLIC_URL": "https://webhooks.example.com",
            "LOCAL_ALLOW_LOOPBACK": "1",
            "LOG_DAYS": "30",
            "RETRY_DELAYS": RETRY_DELAYS,
            "POWERTOOLS_METRICS_NAMESPACE": "AisouleWebhooks",
            "POWERTOOLS_SERVICE_NAME": "bench",
            **{f"{name.upper()}_QUEUE_URL": url for name, url in _queues(queues, lanes).items()},
        }
    finally:
        for place in places:
            emulator.stop(place)


def _queues(endpoint_url: str, lanes: list[Lane]) -> dict[str, str]:
    sqs = cloud.client("sqs", endpoint_url)
    dead_letters = sqs.create_queue(QueueName=DEAD_LETTERS.queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {
        "VisibilityTimeout": str(_VISIBILITY_SECONDS),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": RETRY_DELAYS.count(",") + 5}),
    }
    made = {lane.queue: sqs.create_queue(QueueName=lane.queue, Attributes=attributes)["QueueUrl"] for lane in lanes}
    return made | {DEAD_LETTERS.queue: dead_letters, "rejected": sqs.create_queue(QueueName="rejected")["QueueUrl"]}


@contextmanager
def _processes(lanes: list[Lane], environment: dict[str, str], directory: Path) -> Iterator[list[IO[bytes]]]:
    """Started, and ready; the publishers wait for a run on what is yielded."""
    started: list[subprocess.Popen[bytes]] = []
    with (directory / "handlers.log").open("wb") as log:

        def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
            ready = str(directory / f"ready-{len(started)}")
            command = [sys.executable, "-m", f"bench.lanes.{module}", ready, *arguments]
            pipe = subprocess.PIPE
            started.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=log, stderr=log))
            return started[-1]

        try:
            for lane in [*lanes, DEAD_LETTERS]:
                url = environment[f"{lane.queue.upper()}_QUEUE_URL"]
                for _ in range(lane.batches):
                    start("poller", lane.handler, url, str(lane.size), str(lane.window))
            publishers = [start("publisher", str(part), str(PUBLISHERS)) for part in range(PUBLISHERS)]
            _await_ready(directory, len(started))
            yield [publisher.stdin for publisher in publishers if publisher.stdin]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.communicate()


def _await_ready(directory: Path, count: int) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while len(list(directory.glob("ready-*"))) < count:
        if time.monotonic() > deadline:
            raise TimeoutError("the pipeline's processes did not start; handlers.log may say why")
        time.sleep(0.1)


def _await_all(receiver: Receiver, run: Run) -> None:
    """Raises TimeoutError: an event that never arrives is a fault of the pipeline or of this rig, and no figure."""
    expected = {run.event_id(number) for number in run.healthy(after=0)}
    deadline = time.monotonic() + run.seconds + _LATEST_SECONDS
    while missing := expected - _arrivals(receiver).keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} of {len(expected)} events have not arrived; handlers.log may say why")
        time.sleep(0.5)


def _arrivals(receiver: Receiver) -> dict[str, float]:
    """When each healthy event arrived first, by its id."""
    arrived: dict[str, float] = {}
    for account in range(ACCOUNTS):
        for request in receiver.received(f"/alive-{account}"):
            arrived.setdefault(request.headers["webhook-id"], request.at)
    return arrived


def _took(receiver: Receiver, run: Run) -> dict[int, float]:
    arrived = _arrivals(receiver)
    return {n: arrived[run.event_id(n)] - run.published_at(n) for n in run.healthy(after=0)}
