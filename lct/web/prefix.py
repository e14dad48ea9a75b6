"""Serving everything under the path of LCT_PUBLIC_URL, such as /fifa."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Any]


def under(prefix: str, app: Wsgi) -> Wsgi:
    """``app`` served under ``prefix``. The proxy in front may strip the prefix or keep it; probes,
    which go to the pod directly, need none."""

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        environ["SCRIPT_NAME"] = prefix
        return app(environ, start_response)

    return serve
