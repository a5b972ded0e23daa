"""The dependency layer, built without Docker: wheels for Lambda's platform, or for this host in the local stage.

`python -m infra.bundling` fetches Lambda's, so that a later synth needs no network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.settings import Settings

REQUIREMENTS = Path("layers/dependencies/requirements.txt")
SERVICES_USED = {"dynamodb", "events", "sesv2", "sqs"}
"""Botocore ships the API descriptions of 400 services, 25 MB of JSON; the layer keeps these."""
FOR_LAMBDA = ["--python-platform", "aarch64-manylinux2014", "--python-version", "3.13", "--only-binary", ":all:"]


def dependency_code(settings: Settings) -> lambda_.Code:
    """The asset's hash covers the requirements, this file and the platform, so that the stages never share wheels."""
    arguments = _platform(settings)
    source = [REQUIREMENTS.read_text(), Path(__file__).read_text(), *arguments]
    return lambda_.Code.from_asset(
        str(REQUIREMENTS.parent),
        asset_hash=hashlib.sha256("\0".join(source).encode()).hexdigest(),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("unused: bundled on the host"), local=_Wheels(arguments)
        ),
    )


def _platform(settings: Settings) -> list[str]:
    return ["--python", str(settings.emulator_python)] if settings.local else FOR_LAMBDA


@jsii.implements(cdk.ILocalBundling)
class _Wheels:
    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments

    def try_bundle(self, output_dir: str, options: cdk.BundlingOptions | None = None, **_: object) -> bool:
        bundle(Path(output_dir) / "python", self._arguments)
        return True


def bundle(target: Path, arguments: list[str]) -> None:
    """Installs the layer's packages without what no function uses. `arguments` tell uv for which Python and platform."""
    install(target, arguments)
    _prune(target)


def install(target: Path, arguments: list[str]) -> None:
    """Installs from uv's cache, which `make setup` fills; asks the registry only if something is missing there."""
    command = [".venv/bin/uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode", "copy"]
    command += ["--target", str(target), *arguments, "-r", str(REQUIREMENTS)]
    if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode:
        subprocess.run(command, check=True)


def _prune(target: Path) -> None:
    for data in (target / "botocore" / "data", target / "boto3" / "data", target / "boto3" / "examples"):
        for entry in data.iterdir():
            if entry.is_dir() and not (data.parent.name == "botocore" and entry.name in SERVICES_USED):
                shutil.rmtree(entry)
    for entry in [target / "bin", *target.glob("*/tests"), *target.rglob("__pycache__")]:
        shutil.rmtree(entry, ignore_errors=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        install(Path(scratch), FOR_LAMBDA)
