"""Logs: one ECS JSON line per event (elastic.co/guide/en/ecs), with the id of the request.

gevent is imported late: gunicorn's master imports this before gevent has patched anything.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import ecs_logging

from ..spans import here
from ..this_request import request_id

log = logging.getLogger(__name__)


class _NoAddresses(logging.Filter):
    """gunicorn logs the URL of a request that fails. URLs hold secrets, and the app's own lines
    have the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                "***" if isinstance(each, str) and each.startswith("/") else each
                for each in record.args
            )
        return True


@lru_cache(maxsize=1024)
def _steps(name: str) -> tuple[tuple[str, ...], str]:
    """A dotted name as its path of objects and its last part."""
    *path, last = name.split(".")
    return tuple(path), last


class Lines(ecs_logging.StdlibFormatter):
    """ecs-logging's lines, with the fields common to all lines and the id of the request, in a
    quarter of the time: ecs-logging builds and merges a dictionary for every field. It still
    formats lines with a stack or a nested field."""

    # Entries after these in a record's dictionary came with the call.
    _own = len(logging.makeLogRecord({}).__dict__)
    _encode = json.JSONEncoder(
        separators=(",", ":"), ensure_ascii=False, check_circular=False, default=repr
    ).encode

    def __init__(self, environment: str, dataset: str) -> None:
        super().__init__(
            exclude_fields=["log.original", "process.name", "process.thread", "log.origin"],
            ensure_ascii=False,
        )
        self.everywhere = {
            "service.name": "lct",
            "service.environment": environment,
            "host.hostname": socket.gethostname(),
            "event.dataset": dataset,
        }

    def format(self, record: logging.LogRecord) -> str:
        fields = self.everywhere | dict(islice(record.__dict__.items(), self._own, None))
        if "http.request.id" not in fields and (asked := request_id.get()):
            fields["http.request.id"] = asked
        fields |= here()
        if record.exc_info or record.stack_info:
            return self._format_as_theirs(record, fields)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "@timestamp": f"{at[:-6]}Z",
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "ecs.version": ecs_logging.ECS_VERSION,
            "log": {"logger": record.name},
            "process": {"pid": record.process},
        }
        for name, value in fields.items():
            if value is None or name in self._LOGRECORD_DICT:
                continue
            if isinstance(value, dict):
                return self._format_as_theirs(record, fields)
            path, last = _steps(name)
            place = line
            for step in path:
                place = place.setdefault(step, {})
            place[last] = value
        return self._encode(line)

    def _format_as_theirs(self, record: logging.LogRecord, fields: dict[str, Any]) -> str:
        record.__dict__.update(fields)
        return super().format(record)


def configure_logging(level: str, environment: str) -> None:
    """Send every logger's lines to standard output as ECS JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines(environment, "lct.app"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    # Do not look up what no line shows: the caller, the thread, the process's name.
    logging._srcfile = None  # type: ignore[attr-defined, unused-ignore]
    logging.logThreads = logging.logMultiprocessing = False
    _log_strays()


def configure_gunicorn(logger: logging.Logger, environment: str) -> None:
    """Format gunicorn's own logs as ECS JSON too, on its own handlers."""
    for handler in logger.handlers:
        handler.setFormatter(Lines(environment, "lct.gunicorn"))
        handler.addFilter(_NoAddresses())


def _log_strays() -> None:
    """Log what would be bare text on standard error: uncaught errors and Python's warnings. Only in
    a server: commands and tests are not patched by gevent."""
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
