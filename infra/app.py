"""`cdk deploy`: the AWS stage by default, the local one with `-c stage=local`, which `make up` does."""

from __future__ import annotations

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.settings import BadSetting, read_settings
from infra.stack import WebhooksStack


def build(app: cdk.App) -> WebhooksStack:
    """The stack with cdk-nag on it. Raises BadSetting."""
    settings = read_settings(app.node)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    # The bootstrap's roles and bucket policy are not there locally; plain credentials do.
    synthesizer = cdk.CliCredentialsStackSynthesizer() if settings.local else None
    return WebhooksStack(app, "AisouleWebhooks", settings=settings, synthesizer=synthesizer)


if __name__ == "__main__":
    app = cdk.App()
    try:
        build(app)
    except BadSetting as bad:
        sys.exit(f"Cannot deploy: {bad}")
    app.synth()
