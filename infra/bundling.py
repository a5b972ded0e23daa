"""The dependency layer as an asset of CDK's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.settings import Settings
from infra.wheels import FOR_LAMBDA, REQUIREMENTS, bundle, sources


def dependency_code(settings: Settings) -> lambda_.Code:
    """The asset's hash covers the requirements, `infra.wheels` and the platform, so that the stages never share wheels."""
    arguments = _platform(settings)
    return lambda_.Code.from_asset(
        str(REQUIREMENTS.parent),
        asset_hash=hashlib.sha256("\0".join([*sources(), *arguments]).encode()).hexdigest(),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("unused: bundled on the host"), local=Wheels(arguments)
        ),
    )


def _platform(settings: Settings) -> list[str]:
    return ["--python", str(settings.emulator_python)] if settings.local else FOR_LAMBDA


@jsii.implements(cdk.ILocalBundling)
class Wheels:
    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments

    def try_bundle(self, output_dir: str, options: cdk.BundlingOptions | None = None, **_: object) -> bool:
        bundle(Path(output_dir) / "python", self._arguments)
        return True
