"""The place of the coverage page in Airflow: cheap to import, because every process of Airflow loads plugins."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fapiao.airflow.compat import conf

__all__ = ["PREFIX", "TITLE", "CoverageView", "base_path", "coverage_link"]

TITLE = "Invoice coverage"
"""In the menu, and the resource that roles are given a right to."""
PREFIX = "/fapiao/coverage"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class CoverageView:
    """An ASGI application that is built by its first request."""

    def __init__(self) -> None:
        self._app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:
            with self._lock:
                if self._app is None:
                    from fapiao.airflow.coverage_app import application

                    self._app = application()
        await self._app(scope, receive, send)


def base_path() -> str:
    """Where Airflow's pages are on this server: the path of ``[api] base_url``, without a slash at its end."""
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")


def coverage_link() -> dict[str, Any]:
    """The entry of the menu. ``href`` is an address on this server."""
    return {
        "name": TITLE,
        "href": f"{base_path()}{PREFIX}/",
        "destination": "nav",
        "category": "browse",
        "url_route": "fapiao-coverage",
    }
