"""Logs: one ECS JSON line per event on standard output (elastic.co/guide/en/ecs)."""

from __future__ import annotations

import logging
import socket
import sys

import ecs_logging


class _Everywhere(logging.Filter):
    """The fields that every line carries."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self.fields = {
            "service.name": "lct",
            "service.environment": environment,
            "host.hostname": socket.gethostname(),
            "event.dataset": "lct.app",
        }

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self.fields.items():
            if name not in record.__dict__:
                record.__dict__[name] = value
        return True


def configure_logging(level: str, environment: str) -> None:
    """Send every logger's lines to standard output as ECS JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        ecs_logging.StdlibFormatter(
            exclude_fields=["log.original", "process", "log.origin"], ensure_ascii=False
        )
    )
    handler.addFilter(_Everywhere(environment))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
