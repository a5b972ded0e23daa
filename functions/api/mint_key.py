"""For the operator, with AWS credentials: mints the platform key that mints all others.

python -m api.mint_key --table <ConfigTable of the stack's outputs>
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from webhooks.key_table import KeyTable


def main() -> None:
    parser = argparse.ArgumentParser(description="Mint a platform key: it publishes events and mints account keys.")
    parser.add_argument("--table", help="the config table; without it, the ConfigTable output of --stack")
    parser.add_argument("--stack", default="AisouleWebhooks", help="the stack's name")
    arguments = parser.parse_args()
    try:
        key, token = KeyTable(_client("dynamodb"), arguments.table or _table_of(arguments.stack)).mint("platform")
    except (BotoCoreError, ClientError, LookupError) as failed:
        sys.exit(f"No key was minted: {failed}. Are AWS credentials and a region set, and is the stack deployed?")
    sys.stderr.write(f"Minted {key.id}. Keep it safe: it is shown this once.\n")
    sys.stdout.write(token + "\n")


def _client(service: Any) -> Any:
    # Like the CDK CLI that deployed the stack. By itself, boto3 reads AWS_DEFAULT_REGION and the configuration alone.
    return boto3.client(service, region_name=os.environ.get("AWS_REGION") or None)


def _table_of(stack: str) -> str:
    stacks = _client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs: list[Any] = stacks[0].get("Outputs", [])
    for output in outputs:
        if output["OutputKey"] == "ConfigTable":
            return str(output["OutputValue"])
    raise LookupError(f"the stack {stack} has no output ConfigTable")


if __name__ == "__main__":
    main()
