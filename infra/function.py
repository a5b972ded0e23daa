"""How this service runs a Python function: on arm64, with both layers, its own folder as code, and logs that expire."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from infra.bundling import dependency_code
from infra.settings import NAMESPACE, Settings

_RUNTIME = lambda_.Runtime.PYTHON_3_13


WAITS_MB = 256
"""Memory of the functions that mostly wait: four times what they need (bench/results.md), and the part of a CPU that comes
with it. With less of a CPU, a burst of TLS handshakes would take too much of an endpoint's 5 s.
"""


class Layers(Construct):
    """What all functions import: pinned third-party packages, and the service's own domain."""

    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        codes = {} if settings.packages else {"Dependencies": dependency_code(settings)}
        codes["Webhooks"] = lambda_.Code.from_asset("layers/webhooks", exclude=["**/__pycache__", "*.pyc"])
        self.versions = [
            lambda_.LayerVersion(self, name, code=code, compatible_runtimes=[_RUNTIME]) for name, code in codes.items()
        ]


class Function(lambda_.Function):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: str,
        layers: Layers,
        settings: Settings,
        environment: Mapping[str, str],
        timeout_seconds: int,
        memory_mb: int,
        reaches_endpoints: bool = False,
        reserved_concurrency: int | None = None,
        **kwargs: Any,
    ) -> None:
        """`handler` such as `deliver.handler`; its first part is the folder that the function's code consists of."""
        package = handler.partition(".")[0]
        super().__init__(
            scope,
            id,
            runtime=_RUNTIME,
            architecture=_architecture(settings),
            handler=f"{handler}.lambda_handler",
            # Only its own folder: an edit to another function does not deploy this one again.
            code=lambda_.Code.from_asset(
                "functions", exclude=["*", f"!{package}", f"!{package}/**", "__pycache__", "*.pyc"]
            ),
            layers=layers.versions,
            memory_size=memory_mb,
            timeout=cdk.Duration.seconds(timeout_seconds),
            log_group=log_group(scope, f"{id}Logs", settings=settings),
            # Lambda's own START, END and REPORT would be more bytes than our lines. At WARN it still tells of timeouts and
            # crashes. The level can only be set in this format; lines that are JSON already are left as they are.
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            environment={
                "LOG_DAYS": str(settings.log_days),
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                "POWERTOOLS_SERVICE_NAME": package,
                **environment,
                **({"LOCAL_READ_SECONDS": "10"} if settings.local else {}),
                **({"PYTHONPATH": str(settings.packages)} if settings.packages else {}),
                **(_reaching(settings) if reaches_endpoints else {}),
            },
            # Every concurrent invocation is a process of its own on the emulator's machine.
            reserved_concurrent_executions=2 if settings.local else reserved_concurrency,
            **kwargs,
        )
        acknowledge(self, "L1", "3.13 is supported until June 2029; the wheels of the layer are built for it.")
        assert self.role is not None
        policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        acknowledge(self.role, f"IAM4[{policy}]", "The function writes its logs with it, and may do nothing more.")


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges a finding of cdk-nag's AwsSolutions pack, with the reason why it stays."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )


def log_group(scope: Construct, id: str, *, settings: Settings) -> logs.LogGroup:
    return logs.LogGroup(scope, id, retention=settings.log_retention, removal_policy=cdk.RemovalPolicy.DESTROY)


def queue(scope: Construct, id: str, *, settings: Settings, **kwargs: Any) -> sqs.Queue:
    """A queue encrypted at rest, refusing anything but TLS, that keeps messages as long as SQS can."""
    made = sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=not settings.local,
        retention_period=cdk.Duration.days(14),
        **kwargs,
    )
    if settings.local:
        acknowledge(made, "SQS4", "The emulator speaks plain HTTP, on loopback.")
    return made


def _architecture(settings: Settings) -> lambda_.Architecture:
    if settings.local and platform.machine() == "x86_64":
        return lambda_.Architecture.X86_64
    return lambda_.Architecture.ARM_64


def _reaching(settings: Settings) -> dict[str, str]:
    """Environment of the functions that look up customers' endpoints: `getaddrinfo` cannot be cancelled, only bounded."""
    bounds = {"RES_OPTIONS": "timeout:1 attempts:2"}
    if settings.local:
        return bounds | {"LOCAL_ALLOW_LOOPBACK": "1", "LOCAL_CA_FILE": str(settings.ca_file)}
    return bounds
