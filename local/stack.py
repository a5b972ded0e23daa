"""The real app, deployed by the real `cdk deploy` onto the local emulator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra import wheels
from local import ca, emulator
from local.emulator import PYTHON, REGION, ROOT, Emulator, environment
from webhooks.key_table import KeyTable

DIRECTORY = ROOT / ".local"
STACK = "AisouleWebhooks"
_ASSETS = f"cdk-hnb659fds-assets-000000000000-{REGION}"


_CDK = {
    "CI": "true",
    "CDK_DISABLE_VERSION_CHECK": "true",
    "CDK_VALIDATION": "false",  # it starts for eleven seconds of CPU, and knows what AWS accepts: `make synth` asks it
}


class DeployFailed(Exception):
    """The text says where to look."""


@dataclass(frozen=True)
class Outputs:
    """What `.local/outputs.json` says of the running stack."""

    api_url: str
    platform_key: str = field(repr=False)
    event_bus_name: str
    endpoint_url: str
    region: str
    ca_file: str
    ca_key_file: str

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def up(
    directory: Path = DIRECTORY,
    *,
    retry_delays: Sequence[int],
    say: Callable[[str], None],
    usual_port: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Outputs:
    """
    Starts what is not running, deploys, and mints a platform key. `settings` are further ones of `infra.settings`. Raises
    EmulatorFailed or DeployFailed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = ca.create(directory / "ca")
    say("starting the local AWS")
    running = emulator.start(directory, tls_file=ca.server_file(certificate, key), usual_port=usual_port)
    say(f"deploying the stack to {running.endpoint_url} with cdk deploy")
    delays = ",".join(map(str, retry_delays))
    stack = _deploy(directory, running, certificate, {"retry_delays": delays, **(settings or {})})
    outputs = Outputs(
        api_url=f"{running.endpoint_url}/_aws/execute-api/{stack['ApiId']}/$default",
        platform_key="",
        event_bus_name=stack["EventBusName"],
        endpoint_url=running.endpoint_url,
        region=REGION,
        ca_file=str(certificate),
        ca_key_file=str(key),
    )
    token = KeyTable(outputs.client("dynamodb"), stack["ConfigTable"]).mint("platform")[1]
    outputs = Outputs(**asdict(outputs) | {"platform_key": token})
    written = directory / "outputs.json"
    written.touch(mode=0o600)
    written.write_text(json.dumps(asdict(outputs), indent=2) + "\n")
    return outputs


def down(directory: Path = DIRECTORY) -> bool:
    """Whether anything was running."""
    (directory / "outputs.json").unlink(missing_ok=True)
    return emulator.stop(directory)


def resources(directory: Path = DIRECTORY) -> dict[str, str]:
    """The stack's outputs by name, such as LogTable."""
    outputs: dict[str, dict[str, str]] = json.loads((directory / "cdk-outputs.json").read_text())
    return outputs[STACK]


def _deploy(directory: Path, running: Emulator, certificate: Path, settings: Mapping[str, str]) -> dict[str, str]:
    places = {
        "stage": "local",
        "emulator_url": running.endpoint_url,
        "emulator_tls_url": running.tls_url,
        "ca_file": str(certificate),
        "emulator_python": str(PYTHON),
        "packages": str(wheels.unpacked(PYTHON, ROOT / ".local" / "packages")),
    }
    context = [argument for name, value in {**places, **settings}.items() for argument in ("-c", f"{name}={value}")]
    written = directory / "cdk-outputs.json"
    cdk = str(ROOT / "node_modules" / ".bin" / "cdk")  # npx would start npm first, a second of CPU
    command = [cdk, "deploy", "--require-approval", "never", "--progress", "events"]
    output_files = ["--output", str(directory / "cdk.out"), "--outputs-file", str(written)]
    _make_asset_bucket(running)
    log = directory / "deploy.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [*command, *output_files, *context],
            cwd=ROOT,
            env=environment(running.endpoint_url) | _CDK,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise DeployFailed(f"cdk deploy failed:\n{last}\n\nThe whole of it is in {log}; `make down` and try again.")
    return resources(directory)


def _make_asset_bucket(running: Emulator) -> None:
    """All that the local stage needs of `cdk bootstrap`."""
    s3 = boto3.client(
        "s3",
        endpoint_url=running.endpoint_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    try:
        s3.create_bucket(Bucket=_ASSETS)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
