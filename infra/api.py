"""The HTTPS API: one function behind API Gateway; it authenticates each call by itself."""

from __future__ import annotations

import json

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.database import FAILED, Database, grant
from infra.delivery import Queues
from infra.function import Function, Layers, acknowledge, log_group
from infra.settings import Settings

_LOGGED = {
    "requestId": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
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
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                "DELIVERY_QUEUE_URL": queues.delivery.queue_url,
                "EVENT_BUS_NAME": bus.event_bus_name,
                "MAX_WEBHOOKS": str(settings.max_webhooks),
                "SENDS_PER_MINUTE": str(settings.sends_per_minute),
                "RECOVERIES_PER_MINUTE": str(settings.recoveries_per_minute),
                "FRAME_ANCESTORS": " ".join(settings.frame_ancestors),
            },
            reaches_endpoints=True,
        )
        grant(database.config, self.function, "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        grant(database.log, self.function, "BatchGetItem", "GetItem", "PutItem", "Query", index=FAILED)
        queues.grant_sending(self.function)
        bus.grant_put_events_to(self.function)
        integration = integrations.HttpLambdaIntegration("Integration", self.function)
        self.http_api = apigateway.HttpApi(self, "Http", default_integration=integration)
        self.function.add_environment("PUBLIC_URL", self._public_url(settings))
        self._configure_stage(log_group(self, "Access", settings=settings))

    def _public_url(self, settings: Settings) -> str:
        if settings.local:
            return f"{settings.emulator_url}/_aws/execute-api/{self.http_api.api_id}/$default"
        return settings.public_url or self.http_api.api_endpoint

    def _configure_stage(self, access: logs.LogGroup) -> None:
        assert self.http_api.default_stage is not None
        stage = self.http_api.default_stage.node.default_child
        assert isinstance(stage, apigateway.CfnStage)
        stage.default_route_settings = apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=200, throttling_burst_limit=400
        )
        stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access.log_group_arn, format=json.dumps(_LOGGED)
        )
        acknowledge(
            self.http_api,
            "APIG4",
            "The function authenticates every call: a Lambda authorizer answers 403 with a body of its own, and its cache "
            "would keep a revoked key alive.",
        )
