"""The ASGI entry: token streams, and what watches over this process. The rest of the site is `hub.wsgi`'s, which is faster at
it and sends files without reading them into memory."""

import os
import re
from collections.abc import Callable
from typing import Any

from django.core.asgi import get_asgi_application

from hub.core import metrics_folder
from hub.core.rawpath import ASGIApp, keep_encoded_slashes_asgi
from hub.core.request_ids import identified_asgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
metrics_folder.share()

_SERVED = re.compile(r"/stream/|/(healthz|readyz|metrics)$")


def _only_streams(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if not _SERVED.match(scope["path"]):
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
            return
        await app(scope, receive, send)

    return wrapped


application = identified_asgi(keep_encoded_slashes_asgi(_only_streams(get_asgi_application())))
