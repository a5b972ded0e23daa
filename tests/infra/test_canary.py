"""The canary's function, what it may do, and its alarm."""

from __future__ import annotations

import json
from typing import Any

from canary.handler import ACCOUNT_ID, ARRIVES_SECONDS
from local.emulator import ROOT
from tests.infra.test_template import resources, template

HANDLER = "canary.handler.lambda_handler"


def on() -> dict[str, Any]:
    return template(canary="on")


def the_function() -> tuple[str, dict[str, Any]]:
    (found,) = [
        (id, f["Properties"])
        for id, f in resources("AWS::Lambda::Function", on()).items()
        if f["Properties"].get("Handler") == HANDLER
    ]
    return found


def test_it_is_off_by_default_because_it_costs() -> None:
    assert HANDLER not in json.dumps(template())
    assert "CanaryMissed" not in json.dumps(template())


def test_it_runs_every_five_minutes_once_and_for_as_long_as_it_looks() -> None:
    id, function = the_function()
    (rule,) = [
        rule["Properties"]
        for rule in resources("AWS::Events::Rule", on()).values()
        if rule["Properties"].get("Targets", [{}])[0].get("Arn") == {"Fn::GetAtt": [id, "Arn"]}
    ]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert rule["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert "EventBusName" not in rule, "AWS runs schedules on the default bus only"
    assert ARRIVES_SECONDS + 20 <= function["Timeout"] < 300
    (config,) = [
        config["Properties"]
        for config in resources("AWS::Lambda::EventInvokeConfig", on()).values()
        if config["Properties"]["FunctionName"] == {"Ref": id}
    ]
    assert config["MaximumRetryAttempts"] == 0


def test_it_reaches_its_own_account_and_its_own_inbox_alone() -> None:
    """Not which inbox is its own: its key has a token's hash, which the template cannot know."""
    _, function = the_function()
    role = function["Role"]["Fn::GetAtt"][0]
    statements = [
        statement
        for policy in resources("AWS::IAM::Policy", on()).values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    granted: dict[str, list[str]] = {}
    for statement in statements:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        (resource,) = statement["Resource"]["Fn::GetAtt"][:1]
        keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        granted |= {f"{action} on {resource.rstrip('0123456789ABCDEF')}": keys for action in actions}
    account, inboxes = f"ACCOUNT#{ACCOUNT_ID}", "INBOX#*"
    assert granted == {
        "dynamodb:PutItem on DatabaseConfig": [account, inboxes],
        "dynamodb:Query on DatabaseConfig": [account],
        "dynamodb:UpdateItem on DatabaseConfig": [account],
        "dynamodb:GetItem on DatabaseConfig": [inboxes],
        "dynamodb:BatchGetItem on DatabaseLog": [inboxes],
        "events:PutEvents on Bus": [],
    }


def test_the_alarm_tells_of_an_event_that_did_not_arrive_and_of_a_canary_that_does_not_run() -> None:
    (alarm,) = [a["Properties"] for id, a in resources("AWS::CloudWatch::Alarm", on()).items() if "Canary" in id]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("CanaryMissed", "Sum", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "canary"}]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (600, 1, "breaching")
    assert alarm["AlarmActions"] == alarm["OKActions"] != []
    assert alarm["AlarmDescription"] == "docs/operations.md#canarymissed"
    assert "\n### CanaryMissed\n" in (ROOT / "docs" / "operations.md").read_text()
