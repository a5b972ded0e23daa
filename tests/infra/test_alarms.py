"""The alarms: what each looks at, and that it can come at all."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.emulator import ROOT
from tests.infra.test_template import FUNCTIONS, LANES, queue, resources, template


def test_twelve_alarms_notify_the_operator_and_each_is_explained() -> None:
    """Ten are free; what the other two cost is in docs/cost.md."""
    of = template(alarm_email="ops@example.com")
    operations = (ROOT / "docs" / "operations.md").read_text().lower()
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm", of).values()]
    (topic,) = resources("AWS::SNS::Topic", of)
    assert len(alarms) == 12
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
        place = alarm["AlarmDescription"].partition("docs/operations.md#")[2]
        assert f"## {place}\n" in operations, place
    (subscription,) = resources("AWS::SNS::Subscription", of).values()
    assert subscription["Properties"]["Endpoint"] == "ops@example.com"
    assert resources("AWS::SNS::Subscription", template()) == {}


def test_a_retry_is_overdue_only_after_its_whole_schedule() -> None:
    """And after the 15 minutes that an endpoint may ask for, or one overloaded endpoint would raise the alarm."""
    for delays, seconds in (("10,60,300", 900 + 370 + 20 + 600), ("1,2,3", 900 + 6 + 20 + 600)):
        alarms = resources("AWS::CloudWatch::Alarm", template(retry_delays=delays))
        for name, expected in (("OldestRetry", seconds), ("OldestMessage", 600)):
            (threshold,) = [a["Properties"]["Threshold"] for id, a in alarms.items() if name in id]
            assert threshold == expected


def alarm(name: str) -> Any:
    (found,) = [a["Properties"] for id, a in resources("AWS::CloudWatch::Alarm", template()).items() if name in id]
    return found


def test_a_dead_letter_that_cannot_be_handled_raises_an_alarm_by_what_the_function_counts() -> None:
    """Not by its age, which SQS forgets at the third receive. Each period has a receive, so that all three count one."""
    found = alarm("DeadLettersNotConsumed")
    assert (found["MetricName"], found["Threshold"]) == ("DeadLetterUnhandled", 1)
    assert (found["Period"], found["EvaluationPeriods"]) == (300, 3)
    assert queue(template(), "DeadLetters")[1]["VisibilityTimeout"] < found["Period"]


@pytest.mark.parametrize(("name", "function"), [("DeliverErrors", "deliver"), ("DeadLettersErrors", "dead_letters")])
def test_an_invocation_that_crashes_at_each_try_raises_an_alarm(name: str, function: str) -> None:
    """A message that was received comes back within the alarm's period, and crashes it a second time."""
    found = alarm(name)
    (dimension,) = found["Dimensions"]
    handler = template()["Resources"][dimension["Value"]["Ref"]]["Properties"]["Handler"]
    assert (found["Namespace"], found["MetricName"], found["Statistic"]) == ("AWS/Lambda", "Errors", "Sum")
    assert handler == FUNCTIONS[function]
    assert (found["Threshold"], found["Period"]) == (2, 300)
    assert max(queue(template(), lane)[1]["VisibilityTimeout"] for lane in (*LANES, "DeadLetters")) < found["Period"]


def test_throttled_writes_are_shown_of_the_log_table_and_of_each_index() -> None:
    """No alarm looks at them: one on AWS/DynamoDB would not end, and what throttling does to us has alarms."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard", template(dashboard="on")).values()
    body = json.dumps(dashboard).replace("\\", "")
    indexes = re.findall(r'"WriteThrottleEvents"(?:,"GlobalSecondaryIndexName","(\w+)")?', body)
    assert sorted(indexes) == ["", "due", "failed"]
