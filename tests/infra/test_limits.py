"""How much may run at the same time, and how often the API may be called: safe in a new AWS account, raised by settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deliver import sender
from deliver.recording import REPEATED_FOR
from deliver.schedule import ATTEMPT_SECONDS
from tests.infra.test_template import LOCAL, functions, queue, resources, template
from webhooks import clients
from webhooks.messages import COPY_DELAY_SECONDS

NEW_ACCOUNT = 10
"""Lambda's concurrent executions in an AWS account that has not asked for more."""


def concurrency(of: dict[str, Any]) -> dict[str, int]:
    """Of each event source mapping that is bounded, by the logical id of its queue."""
    mappings = [m["Properties"] for m in resources("AWS::Lambda::EventSourceMapping", of).values()]
    return {
        m["EventSourceArn"]["Fn::GetAtt"][0]: m["ScalingConfig"]["MaximumConcurrency"]
        for m in mappings
        if "ScalingConfig" in m
    }


def stage(of: dict[str, Any]) -> dict[str, Any]:
    (found,) = resources("AWS::ApiGatewayV2::Stage", of).values()
    assert isinstance(found, dict)
    return found


def test_the_mappings_leave_room_for_the_other_functions_in_a_new_account() -> None:
    """One each for dead letters, fanout and the API, and one for release, erase, canary and mail, which run for moments."""
    bounds = concurrency(template())
    assert min(bounds.values()) >= 2, "Lambda accepts no less"
    assert sum(bounds.values()) <= NEW_ACCOUNT - 4


def test_a_record_is_tried_again_only_while_the_batch_can_still_end() -> None:
    """Even if AWS leaves each call without an answer once: the read, the last try, what is sent, and what is hidden."""
    config: Any = clients._config()
    call = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    early = 1  # seconds by which a message may come before it is due
    assert 4 * call + early + REPEATED_FOR.total_seconds() <= functions(template())["deliver"]["Timeout"]


def test_a_copy_comes_when_the_attempt_before_it_is_in_the_log() -> None:
    retry, _ = queue(template(), "Retry")
    (window,) = (
        mapping["Properties"]["MaximumBatchingWindowInSeconds"]
        for mapping in resources("AWS::Lambda::EventSourceMapping", template()).values()
        if mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] == retry
    )
    rounded_up = 1
    attempt = ATTEMPT_SECONDS + sender._BODY_SECONDS
    our_work = 2  # by a wide margin: docs/scaling.md
    assert rounded_up + window + attempt + our_work <= COPY_DELAY_SECONDS


def test_each_lane_has_its_bound_and_dead_letters_have_none() -> None:
    """With a bound, Lambda would not poll the dead-letter queue with fewer pollers while it is empty."""
    of = template(max_concurrency="100", retry_concurrency="7")
    bounds = {"QueuesDelivery": 100, "QueuesRetry": 7}
    assert concurrency(of) == {queue(of, name)[0]: bound for name, bound in bounds.items()}


def test_receives_that_throttles_use_up_do_not_matter_to_dead_letters() -> None:
    _, dead_letters = queue(template(), "DeadLetters")
    assert "RedrivePolicy" not in dead_letters


def test_no_concurrency_is_reserved_unless_it_is_asked_for() -> None:
    """A new account's cannot be: Lambda refuses to leave less than 100 unreserved, and the whole deployment fails."""
    reserved = {name: f.get("ReservedConcurrentExecutions") for name, f in functions(template()).items()}
    assert set(reserved.values()) == {None}
    asked_for = functions(template(api_concurrency="30"))
    assert {name for name, f in asked_for.items() if "ReservedConcurrentExecutions" in f} == {"api"}
    assert asked_for["api"]["ReservedConcurrentExecutions"] == 30


def test_in_the_local_stage_every_function_has_two_processes_at_most() -> None:
    local = functions(template(**LOCAL, api_concurrency="30"))
    assert {f["ReservedConcurrentExecutions"] for f in local.values()} == {2}


@pytest.mark.parametrize(("context", "rate"), [({}, 20), ({"api_rate": "200"}, 200)])
def test_calls_are_throttled_at_once_as_in_the_long_run(context: dict[str, str], rate: int) -> None:
    """20 calls a second that take a tenth of one are the two executions that the mappings leave."""
    settings = stage(template(**context))["Properties"]["DefaultRouteSettings"]
    assert settings == {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": rate}


@pytest.mark.parametrize(("rate", "inbox"), [("1", 1), ("20", 10), ("200", 100)])
def test_what_is_open_to_all_has_a_low_throttle_of_its_own(rate: str, inbox: int) -> None:
    """API Gateway refuses settings for a route that is not there: the stage waits for it."""
    of = template(api_rate=rate)
    routes = {
        r["Properties"]["RouteKey"]: name
        for name, r in resources("AWS::ApiGatewayV2::Route", of).items()
        if r["Properties"]["RouteKey"] != "$default"
    }
    assert stage(of)["Properties"]["RouteSettings"] == {
        "ANY /docs": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 5},  # GET and HEAD together
        "POST /in/{token}": {"ThrottlingRateLimit": inbox, "ThrottlingBurstLimit": inbox},
    }
    assert set(routes) == {"ANY /docs", "POST /in/{token}"}
    assert set(routes.values()) <= set(stage(of)["DependsOn"])


def test_the_token_of_a_test_address_is_in_no_access_log() -> None:
    """It is a part of the path."""
    logged = json.loads(stage(template())["Properties"]["AccessLogSettings"]["Format"])
    assert logged["route"] == "$context.routeKey"
    assert not any("path" in value.lower() for value in logged.values())


def test_all_calls_reach_the_same_function() -> None:
    of = template()
    routes = {r["Properties"]["RouteKey"]: r["Properties"] for r in resources("AWS::ApiGatewayV2::Route", of).values()}
    assert len({route["Target"]["Fn::Join"][1][1]["Ref"] for route in routes.values()}) == 1


def test_the_explorer_is_on_unless_it_is_switched_off() -> None:
    for context, enabled in (({}, "1"), ({"explorer": "on"}, "1"), ({"explorer": "off"}, "0")):
        given = {
            n: f["Environment"]["Variables"].get("EXPLORER_ENABLED") for n, f in functions(template(**context)).items()
        }
        assert {name: value for name, value in given.items() if value is not None} == {"api": enabled}
