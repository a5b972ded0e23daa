"""The connections that are kept for the next attempts, by webhook."""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import time
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool

from deliver.connection import IDLE_SECONDS, VettedPool
from deliver.tls import tls_context
from webhooks.models import Webhook

_KEPT_PER_WEBHOOK = 10


class EndpointAdapter(HTTPAdapter):
    """The connections to one webhook's endpoint. Used without a Session: no cookies, redirects, netrc or environment."""

    _pool: HTTPConnectionPool | None = None
    used = 0.0
    """When it was last asked for, in seconds of `time()`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=1, maxsize=_KEPT_PER_WEBHOOK, ssl_context=tls_context())
        self.poolmanager.pool_classes_by_scheme = {"https": VettedPool}

    def get_connection_with_tls_context(
        self, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        self._pool = self.poolmanager.connection_from_url(str(request.url))
        return self._pool

    def kept(self) -> int:
        """How many connections wait for another request."""
        waiting = self._pool.pool if self._pool else None
        return sum(connection is not None for connection in waiting.queue) if waiting else 0

    def cert_verify(self, *args: Any) -> None:
        """The context decides, loaded once; the default would load the authorities for every connection."""

    def build_response(self, request: PreparedRequest, raw: Any) -> Response:
        """The status and `raw`. The default parses cookies, too, which can cost a second of CPU."""
        response = Response()
        response.status_code = raw.status
        response.raw = raw
        return response


class Adapters:
    """The adapters of the webhooks attempted last. `trim` bounds the connections they keep: Lambda has 1,024 files."""

    def __init__(self) -> None:
        self._adapters: OrderedDict[tuple[str, str], EndpointAdapter] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, webhook: Webhook) -> EndpointAdapter:
        """Kept for as long as the webhook keeps its secret, and never shared between webhooks."""
        key = (webhook.id, webhook.secret)
        with self._lock:
            adapter = self._adapters.pop(key, None) or EndpointAdapter()
            self._adapters[key] = adapter  # at the end, as the one used last
        adapter.used = time()
        return adapter

    def trim(self, kept: int = 200) -> None:
        """
        Closes the connections of webhooks not attempted for 30 s, and of those attempted longest ago until at most `kept`
        are left. Call it between batches: it makes room for the next one's.
        """
        with self._lock:
            oldest_first = list(self._adapters.items())
            left = sum(adapter.kept() for _, adapter in oldest_first)
            for key, adapter in oldest_first:
                if left <= kept and time() - adapter.used < IDLE_SECONDS:
                    break
                left -= adapter.kept()
                del self._adapters[key]
                adapter.close()
