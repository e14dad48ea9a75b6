"""Logs: one ECS JSON line per event (elastic.co/guide/en/ecs), with the id of the request.

gevent is imported late: gunicorn's master reads this before gevent has patched anything.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import ecs_logging

from ..request_id import request_id
from ..spans import here

log = logging.getLogger(__name__)


class _Everywhere(logging.Filter):
    """The fields that every line carries, and the id of the request that it is about."""

    def __init__(self, environment: str, dataset: str) -> None:
        super().__init__()
        self.fields = {
            "service.name": "lct",
            "service.environment": environment,
            "host.hostname": socket.gethostname(),
            "event.dataset": dataset,
        }

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self.fields.items():
            record.__dict__.setdefault(name, value)
        if asked := request_id.get():
            record.__dict__.setdefault("http.request.id", asked)
        record.__dict__.update(here())
        return True


class _NoAddresses(logging.Filter):
    """gunicorn names the address of a request that fails. Addresses hold secrets, and the app's own
    lines have the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                "***" if isinstance(each, str) and each.startswith("/") else each
                for each in record.args
            )
        return True


@lru_cache(maxsize=1024)
def _steps(name: str) -> tuple[tuple[str, ...], str]:
    """A dotted name as the objects that lead to it, and its last part."""
    *path, last = name.split(".")
    return tuple(path), last


class Lines(ecs_logging.StdlibFormatter):
    """ecs-logging's lines for a third of the time: it builds and merges a dictionary for every
    field. It still formats lines with a stack or a nested field."""

    _encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=repr).encode

    def __init__(self) -> None:
        super().__init__(
            exclude_fields=["log.original", "process.name", "process.thread", "log.origin"],
            ensure_ascii=False,
        )

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or record.stack_info:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "@timestamp": f"{at[:-6]}Z",
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "ecs.version": ecs_logging.ECS_VERSION,
            "log": {"logger": record.name},
            "process": {"pid": record.process},
        }
        for name, value in record.__dict__.items():
            if name in self._LOGRECORD_DICT or value is None:
                continue
            if isinstance(value, dict):
                return super().format(record)
            path, last = _steps(name)
            place = line
            for step in path:
                place = place.setdefault(step, {})
            place[last] = value
        return self._encode(line)


def _write_ecs(handler: logging.Handler, environment: str, dataset: str) -> None:
    handler.setFormatter(Lines())
    handler.addFilter(_Everywhere(environment, dataset))


def configure_logging(level: str, environment: str) -> None:
    """Send every logger's lines to standard output as ECS JSON."""
    handler = logging.StreamHandler(sys.stdout)
    _write_ecs(handler, environment, "lct.app")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    # What no line shows need not be found out for each: the caller, the thread, the process's name.
    logging._srcfile = None  # type: ignore[attr-defined, unused-ignore]
    logging.logThreads = logging.logMultiprocessing = False
    _log_strays()


def configure_gunicorn(logger: logging.Logger, environment: str) -> None:
    """Let what gunicorn itself says be ECS JSON as well, where it says it."""
    for handler in logger.handlers:
        _write_ecs(handler, environment, "lct.gunicorn")
        handler.addFilter(_NoAddresses())


def _log_strays() -> None:
    """Make lines of what would be bare text on standard error: errors that nobody caught, and
    Python's warnings. In a server, that is: commands and tests are not patched by gevent."""
    import gevent
    from gevent.monkey import is_module_patched

    if not is_module_patched("threading"):
        return
    extra = {"labels.error_kind": "service"}

    def in_greenlet(context: Any, kind: Any, error: Any, trace: Any) -> None:
        log.error("greenlet failed", exc_info=(kind, error, trace), extra=extra)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            trace = (args.exc_type, args.exc_value, args.exc_traceback)
            log.error("thread failed", exc_info=trace, extra=extra)

    gevent.get_hub().print_exception = in_greenlet
    threading.excepthook = in_thread
    logging.captureWarnings(True)
