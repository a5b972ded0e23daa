"""The HTTPS API: API Gateway in front of one function, which authenticates each call itself."""

from __future__ import annotations

import json

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.database import DUE, ERASURES, FAILED, PACES, Database, grant
from infra.erasure import delay_seconds
from infra.function import Function, Layers, acknowledge, log_group
from infra.queues import Queues
from infra.settings import Settings

_EXPLORER = "/docs"
_INBOX = "/in/{token}"
_LOGGED = {
    "requestId": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",  # not the path, which may have the token of a test address
    "status": "$context.status",
    "error": "$context.integrationErrorMessage",
}


class Api(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        queues: Queues,
        layers: Layers,
        settings: Settings,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            handler="api.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=29,  # API Gateway waits 30
            # Computes for nearly all of its time: half as much takes twice as long for the same money, and people wait.
            memory_mb=512,
            environment=_environment(bus, database, queues, settings),
            reaches_endpoints=True,
            reserved_concurrency=settings.api_concurrency,
        )
        grant(database.config, self.function, "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        grant(database.log, self.function, "BatchGetItem", "GetItem", "PutItem", "Query", indexes=[DUE, FAILED])
        grant(database.log, self.function, "UpdateItem", partitions=[PACES, ERASURES])
        queues.grant_sending(self.function, queues.delivery, queues.retry)
        bus.grant_put_events_to(self.function)
        integration = integrations.HttpLambdaIntegration("Integration", self.function)
        self.http_api = apigateway.HttpApi(self, "Http", default_integration=integration)
        # To the same function as every other path, but throttles are set per route.
        explorer = self.http_api.add_routes(
            path=_EXPLORER, methods=[apigateway.HttpMethod.ANY], integration=integration
        )
        inbox = self.http_api.add_routes(path=_INBOX, methods=[apigateway.HttpMethod.POST], integration=integration)
        self.public_url = self._public_url(settings.emulator_url or "", settings)
        self.function.add_environment("PUBLIC_URL", self.public_url)
        tls_url = self._public_url(settings.emulator_tls_url or "", settings)
        if settings.local:
            self.function.add_environment("LOCAL_TLS_URL", tls_url)
        self.inbox_url = f"{tls_url}/in"
        self._configure_stage(log_group(self, "Access", settings=settings), settings)
        assert self.http_api.default_stage is not None
        # API Gateway refuses settings for a route that does not exist yet.
        self.http_api.default_stage.node.add_dependency(*explorer, *inbox)

    def _public_url(self, emulator_url: str, settings: Settings) -> str:
        if settings.local:
            return f"{emulator_url}/_aws/execute-api/{self.http_api.api_id}/$default"
        return settings.public_url or self.http_api.api_endpoint

    def _configure_stage(self, access: logs.LogGroup, settings: Settings) -> None:
        assert self.http_api.default_stage is not None
        stage = self.http_api.default_stage.node.default_child
        assert isinstance(stage, apigateway.CfnStage)
        stage.default_route_settings = apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=settings.api_rate, throttling_burst_limit=settings.api_rate
        )
        # Public, the largest answer, seldom needed; HEAD costs as much to make.
        # CDK passes this map on unchanged: the names are CloudFormation's.
        stage.route_settings = {
            f"ANY {_EXPLORER}": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 5},
            # Public, too: half of what the API takes, at most, so that a flood leaves room for all other calls.
            f"POST {_INBOX}": {
                "ThrottlingRateLimit": max(settings.api_rate // 2, 1),
                "ThrottlingBurstLimit": max(settings.api_rate // 2, 1),
            },
        }
        stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access.log_group_arn, format=json.dumps(_LOGGED)
        )
        acknowledge(
            self.http_api,
            "APIG4",
            "The function authenticates every call: a Lambda authorizer answers 403 with a body of its own, and its cache "
            "would keep a revoked key alive.",
        )


def _environment(bus: events.EventBus, database: Database, queues: Queues, settings: Settings) -> dict[str, str]:
    return {
        "CONFIG_TABLE": database.config.table_name,
        "LOG_TABLE": database.log.table_name,
        **queues.environment(),
        "EVENT_BUS_NAME": bus.event_bus_name,
        "ERASURE_DELAY_SECONDS": str(delay_seconds(settings)),
        "MAX_WEBHOOKS": str(settings.max_webhooks),
        "SENDS_PER_MINUTE": str(settings.sends_per_minute),
        "RECOVERIES_PER_MINUTE": str(settings.recoveries_per_minute),
        "HOST_SENDS_PER_MINUTE": str(settings.host_sends_per_minute),
        "LISTINGS_PER_MINUTE": str(settings.listings_per_minute),
        "FRAME_ANCESTORS": " ".join(settings.frame_ancestors),
        "EXPLORER_ENABLED": "1" if settings.explorer else "0",
        **settings.contact_environment(),
        **settings.mail_environment(),
    }
