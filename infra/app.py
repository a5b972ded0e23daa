"""The CDK app. `cdk deploy` deploys to AWS; `make up` passes `-c stage=local` and deploys to the emulator."""

from __future__ import annotations

import sys

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


if __name__ == "__main__":
    app = cdk.App()
    try:
        build(app)
    except BadSetting as bad:
        sys.exit(f"Cannot deploy: {bad}")
    app.synth()
