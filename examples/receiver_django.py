"""Receives AIsoule webhooks with Django; `receive` and its path are what goes into a project that exists.

pip install django standardwebhooks
WEBHOOK_SECRET=whsec_… PORT=8000 python3 receiver_django.py
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from wsgiref.simple_server import make_server

from django.conf import settings
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks import Webhook, WebhookVerificationError

CACHE = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": os.environ.get("CACHE", "seen")}
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, CACHES={"default": CACHE})
DAYS_30 = 30 * 86_400  # seconds: as long as an event can be sent again
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
workers = ThreadPoolExecutor(max_workers=4)


def work(event_id: str, body: bytes) -> None:
    """What takes time happens here, on another thread; in a project, in a task queue."""
    payload = json.loads(body)  # event, timestamp and data
    print(f"{payload['event']} {event_id}", flush=True)


@csrf_exempt  # the signature says who it is from
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    body = request.body  # the raw bytes: parsing and encoding again would change them
    try:
        webhook.verify(body, dict(request.headers))  # within five minutes
    except (WebhookVerificationError, ValueError):  # ValueError: a header or body that cannot even be read
        return HttpResponse(status=401)
    event_id = request.headers["webhook-id"]
    # The same event may arrive twice. Of several processes, one may add a key, in a cache that they share, such as Redis.
    if cache.add(f"webhook-{event_id}", 1, DAYS_30):
        workers.submit(work, event_id, body)
    return HttpResponse(status=200)  # to a repeat as well: it did arrive


urlpatterns = [path("hooks", receive)]

if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), get_wsgi_application()).serve_forever()
