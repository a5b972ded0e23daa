"""The CDK app. `cdk deploy` deploys to AWS; `make up` passes `-c stage=local` and deploys to the emulator."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.context import BadSetting
from infra.read_settings import read_settings
from infra.stack import WebhooksStack


def build(app: cdk.App) -> WebhooksStack:
    """Builds the stack, which cdk-nag will check. Raises BadSetting."""
    settings = read_settings(app.node)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    # The emulator has no bootstrap roles: it is deployed to with the caller's own credentials.
    synthesizer = cdk.CliCredentialsStackSynthesizer() if settings.local else None
    return WebhooksStack(
        app,
        "AisouleWebhooks",
        settings=settings,
        synthesizer=synthesizer,
        termination_protection=not settings.local,
    )


def let_everybody_read(assembly: Path) -> None:
    """
    What was synthesised. The CDK's CLI packs each file with the mode that it has: under a umask such as 077, a deployment
    would succeed, and Lambda could read none of the code.
    """
    for path in assembly.glob("asset.*/**/*"):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


if __name__ == "__main__":
    app = cdk.App()
    try:
        build(app)
    except BadSetting as bad:
        sys.exit(f"Cannot deploy: {bad}")
    let_everybody_read(Path(app.synth().directory))
