"""The operator's script: the only way to a platform key."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from api import mint_key
from tests.integration.api_client import Api
from tests.integration.conftest import Aws


def mint(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["mint_key", *arguments])
    mint_key.main()


def test_the_key_is_printed_once_and_alone_and_is_a_platform_key(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mint(monkeypatch, "--table", aws.config_table)
    out, err = capsys.readouterr()
    token = out.removesuffix("\n")
    key_id, _, secret = token.partition(".")
    assert len(secret) >= 43  # 256 bits in base64
    assert key_id in err
    assert secret not in err
    assert Api(token).post("/v1/api-keys", {"account_id": "acme"}).status == 201
    assert Api(token).get("/v1/webhooks").status == 403
    items = str(aws.dynamodb.scan(TableName=aws.config_table)["Items"])
    assert key_id in items
    assert secret not in items


@pytest.mark.parametrize(
    "regions",
    [
        {"AWS_REGION": "us-east-1"},
        {"AWS_DEFAULT_REGION": "us-east-1"},
        {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"},
    ],
    ids=lambda regions: "+".join(f"{name}={region}" for name, region in regions.items()),
)
def test_the_region_is_the_one_that_cdk_deploys_to(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], regions: dict[str, str]
) -> None:
    """The table is in us-east-1, and in no other."""
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, region in regions.items():
        monkeypatch.setenv(name, region)
    mint(monkeypatch, "--table", aws.config_table)
    key_id = capsys.readouterr().out.partition(".")[0]
    assert key_id in str(aws.dynamodb.scan(TableName=aws.config_table)["Items"])


def test_a_table_that_is_not_there_is_said_without_a_traceback(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"No key was minted: .*credentials"):
        mint(monkeypatch, "--table", "absent")


@pytest.mark.long
@pytest.mark.parametrize(
    ("outputs", "minted"),
    [
        ([{"OutputKey": "ConfigTable", "OutputValue": "config"}], True),
        ([{"OutputKey": "Api", "OutputValue": "x"}], False),
    ],
)
def test_without_a_table_the_stack_is_asked(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outputs: list[Any], minted: bool
) -> None:
    session = boto3.Session()  # moto's CloudFormation would need more packages than this one answer is worth
    session.events.register("before-call.cloudformation.DescribeStacks", answering({"Stacks": [{"Outputs": outputs}]}))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    if minted:
        mint(monkeypatch)
        assert Api(capsys.readouterr().out.strip()).get("/v1/webhooks").status == 403
    else:
        with pytest.raises(SystemExit, match="has no output ConfigTable"):
            mint(monkeypatch)


def answering(parsed: dict[str, Any]) -> Callable[..., Any]:
    return lambda **_: (AWSResponse("", 200, HTTPHeaders(), None), parsed | {"ResponseMetadata": {}})
