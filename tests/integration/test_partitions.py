"""What is in the partitions of the config table that deliver and fanout reach."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

from tests.integration.api_client import Api
from tests.integration.conftest import Aws
from tests.template import default_template


def test_webhooks_are_in_them_and_nothing_that_opens_the_api(aws: Aws, api: Api) -> None:
    account = api.of_platform().post("/v1/api-keys", {"account_id": "acme"}).json["key"]
    made = Api(account).post(
        "/v1/webhooks", {"name": "Desk", "url": "https://example.com/", "events": ["message.incoming"]}
    )
    allowed = set(re.findall(r'"dynamodb:LeadingKeys": \["([^"]+)"\]', json.dumps(default_template())))
    items = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    webhooks = [item["pk"]["S"] for item in items if item["sk"]["S"] == f"WEBHOOK#{made.json['id']}"]
    keys = [item["pk"]["S"] for item in items if "secret_sha256" in item]
    assert webhooks
    assert all(any(fnmatchcase(partition, pattern) for pattern in allowed) for partition in webhooks)
    assert keys
    assert not any(fnmatchcase(partition, pattern) for partition in keys for pattern in allowed)
