"""The operator's script: the only way to a platform key."""

from __future__ import annotations

import sys

import pytest

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


@pytest.mark.parametrize("arguments", [["--table", "absent"], ["--stack", "absent"]])
def test_what_is_missing_is_said_without_a_traceback(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="No key was minted: .*credentials"):
        mint(monkeypatch, *arguments)
