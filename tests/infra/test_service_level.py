"""The objective for first attempts: what measures it, its alarm, and its budget on the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

from infra.service_level import BURN_RATE, FIRST_ATTEMPT_SECONDS, OBJECTIVE
from local.emulator import ROOT
from tests.infra.test_template import functions, resources, template

HOURS_OF_30_DAYS = 30 * 24


def alarm(name: str = "ServiceLevel", **context: str) -> dict[str, Any] | None:
    alarms = resources("AWS::CloudWatch::Alarm", template(**context))
    return next((alarm["Properties"] for id, alarm in alarms.items() if name in id), None)


def limits(**context: str) -> dict[str, str]:
    variables = {name: f["Environment"]["Variables"] for name, f in functions(template(**context)).items()}
    return {name: v["FIRST_ATTEMPT_SECONDS"] for name, v in variables.items() if "FIRST_ATTEMPT_SECONDS" in v}


def test_nothing_is_measured_by_default_because_it_costs() -> None:
    assert alarm() is None
    assert alarm("EventsLate") is None
    assert limits() == {}
    assert limits(service_level="on") == {"deliver": str(FIRST_ATTEMPT_SECONDS)}


def test_the_alarm_tells_of_an_hour_that_used_up_two_per_cent_of_the_budget() -> None:
    properties = alarm(service_level="on")
    assert properties
    (expression,) = [query for query in properties["Metrics"] if "Expression" in query]
    used = {query["Id"]: query["MetricStat"] for query in properties["Metrics"] if "MetricStat" in query}
    assert properties["Threshold"] == BURN_RATE
    assert round(BURN_RATE / HOURS_OF_30_DAYS, 6) == 0.02
    assert expression["Expression"] == "IF(late >= 5, late / first / 0.001, 0)"
    assert {id: stat["Metric"]["MetricName"] for id, stat in used.items()} == {
        "first": "FirstAttempts",
        "late": "LateFirstAttempts",
    }
    assert {(stat["Period"], stat["Stat"]) for stat in used.values()} == {(3600, "Sum")}
    assert properties["TreatMissingData"] == "notBreaching"
    assert properties["AlarmActions"] == properties["OKActions"] != []
    place = properties["AlarmDescription"].partition("docs/operations.md#")[2]
    operations = (ROOT / "docs" / "operations.md").read_text()
    assert f"## {place}\n" in operations.lower()
    assert f"**{OBJECTIVE * 100:g} % of first attempts begin within {FIRST_ATTEMPT_SECONDS} s**" in operations


def test_what_events_wait_before_they_are_accepted_has_an_alarm_of_its_own() -> None:
    properties = alarm("EventsLate", service_level="on")
    assert properties
    assert (properties["Namespace"], properties["MetricName"]) == ("AWS/Lambda", "AsyncEventAge")
    (dimension,) = properties["Dimensions"]
    assert dimension["Name"] == "FunctionName"
    assert dimension["Value"]["Ref"].startswith("Fanout")
    assert properties["Threshold"] == FIRST_ATTEMPT_SECONDS * 1000
    assert "### EventsLate\n" in (ROOT / "docs" / "operations.md").read_text()


def test_what_is_divided_is_what_deliver_counts() -> None:
    source = (ROOT / "functions" / "deliver" / "service_level.py").read_text()
    assert set(re.findall(r'count\("(\w+)"', source)) == {"FirstAttempts", "LateFirstAttempts"}


def test_the_dashboard_shows_the_budget_if_both_are_wanted() -> None:
    def bodies(**context: str) -> list[str]:
        found = resources("AWS::CloudWatch::Dashboard", template(**context)).values()
        return [json.dumps(dashboard).replace("\\", "") for dashboard in found]

    assert bodies(service_level="on") == []
    (without,) = bodies(dashboard="on")
    assert "Error budget" not in without
    (body,) = bodies(dashboard="on", service_level="on")
    assert "Error budget left, of 99.9% within 30 s" in body
    assert '"setPeriodToTimeRange":true' in body
    metrics = re.findall(r'"(AWS/\w+|AisouleWebhooks)","\w+"', body)
    assert len(metrics) <= 50, "of three dashboards that are free, each may have as many"
