"""AWS's prices, each once: us-east-1, on demand, without any free allowance."""

from __future__ import annotations

from dataclasses import dataclass

_PAGES = "AWS's public price pages, us-east-1"


@dataclass(frozen=True)
class Price:
    dollars: float
    unit: str
    source: str = _PAGES
    date: str = "November 2026"


LAMBDA_GB_SECOND = Price(0.0000133334, "GB-second of Lambda, arm64")
LAMBDA_REQUEST = Price(0.20e-6, "Lambda request")
SQS_REQUEST = Price(0.40e-6, "SQS request, of up to 64 KB")
FAIR_QUEUE_REQUEST = Price(0.10e-6, "SQS request to a fair queue, in addition")
EVENT = Price(1.00e-6, "event put on an EventBridge bus, of up to 64 KB")
WRITE = Price(0.625e-6, "DynamoDB write unit: 1 KB")
READ = Price(0.125e-6, "DynamoDB read unit: 4 KB, strongly consistent")
HTTP_API_REQUEST = Price(1.00e-6, "HTTP API request")
LOG_GB = Price(0.50, "GB of CloudWatch logs taken in")
# These are well known, but were not looked up for this page again.
_KNOWN = {"date": "as known in 2025, to be verified"}
TABLE_GB_MONTH = Price(0.25, "GB-month of a DynamoDB table", **_KNOWN)
PITR_GB_MONTH = Price(0.20, "GB-month of point-in-time recovery", **_KNOWN)
LOG_GB_MONTH = Price(0.03, "GB-month of logs kept, compressed", **_KNOWN)
TRANSFER_GB = Price(0.09, "GB sent to the Internet", **_KNOWN)
ALARM_MONTH = Price(0.10, "CloudWatch alarm and month", **_KNOWN)
METRIC_MONTH = Price(0.30, "CloudWatch custom metric and month, while it is written", **_KNOWN)
DASHBOARD_MONTH = Price(3.00, "CloudWatch dashboard and month", **_KNOWN)
KEY_MONTH = Price(1.00, "KMS key of one's own and month", **_KNOWN)

ALL = [value for value in list(globals().values()) if isinstance(value, Price)]
