"""How gunicorn serves: `gunicorn -c python:lct.serving wsgi:app`, on a laptop and in a pod."""

import contextlib
import gc
import math
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from lct.config import Settings, SettingsError
from lct.infrastructure.observability import configure_gunicorn
from lct.locks import is_locked, take_lock

try:
    _settings = Settings.from_env()
except SettingsError as error:
    # gunicorn would print a traceback; the operator needs the sentence.
    sys.exit(f"lct: {error}")

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "lct.worker.Worker"
# Connections of one worker, idle ones and attackers' too; live screens are counted by the hub.
worker_connections = 10_000
# Seconds for a request's body, view and response together, and for a worker that hangs.
timeout = 30
# gevent has to patch before pymongo and redis are imported, so each worker loads the app itself.
preload_app = False
# The heartbeat file and the metrics must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# gunicorn 25.1 and later would open a control socket under the home directory.
control_socket_disable = True

# The hub closes its sockets over drain_seconds; the extra second is for the last request.
graceful_timeout = math.ceil(_settings.drain_seconds) + 1
# Shorter than the above, so that idle connections end by themselves and no worker is killed.
keepalive = min(5, max(1, graceful_timeout - 1))

# Only the app knows which proxies to believe (LCT_TRUSTED_PROXIES); gunicorn believes none.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190


class Log(Logger):
    """gunicorn's own lines, as ECS JSON like the app's."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        configure_gunicorn(self.error_log, _settings.environment)


logger_class = Log
# The app writes one line per request itself, on stdout; gunicorn's own lines go to stderr.
accesslog = None
errorlog = "-"
# gunicorn's debug lines contain whole paths, with the secrets in them.
loglevel = "info" if _settings.log_level == "DEBUG" else _settings.log_level.lower()


def _raise_file_limit() -> None:
    # A socket is a file, and the usual soft limit of 1024 is fewer than one busy evening.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 10_240):  # macOS reports an unlimited hard limit, and refuses it
        if wanted == soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            continue
        return


_raise_file_limit()


def post_worker_init(worker: Any) -> None:
    """Start the hub and the webhooks, let them see when the worker has to stop, and compile the
    templates meanwhile. Look for the store: probes may all go to the other worker for minutes, and
    only a worker that has seen the store stays ready while it is away for a moment."""
    import gevent  # not before gunicorn has patched

    # What the imports made stays to the end. A full collection may come in any request; walking a
    # hundred thousand such objects in vain took it 40 to 70 ms.
    gc.freeze()
    app = getattr(worker.app.callable, "extensions", {}).get("lct")
    if app:
        app.hub.watch(lambda: worker.alive)
        gevent.spawn(app.renderer.warm_up)
        gevent.spawn(worker.app.callable.extensions["lct-lookout"].look, app.ready)
        if app.webhooks:
            app.webhooks.start(lambda: worker.alive)


def on_starting(server: Any) -> None:
    """Make the folder in which the workers share their metrics. prometheus_client looks for it
    once, when it is imported."""
    where = Path(worker_tmp_dir or tempfile.gettempdir())
    for left in where.glob("lct-metrics-*"):  # perhaps left by a server that was killed
        with contextlib.suppress(OSError):
            if not is_locked(left):
                shutil.rmtree(left)
    made = Path(tempfile.mkdtemp(prefix=".lct-metrics-", dir=where))
    server.metrics_lock = take_lock(made)  # workers inherit it
    # Renamed once it is locked, so that no other server removes it.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(made.rename(where / made.name[1:]))


def child_exit(server: Any, worker: Any) -> None:
    """Remove the live gauges of a worker that ended; its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead  # not before on_starting

    with contextlib.suppress(OSError):  # an error would end gunicorn
        mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Remove that folder. A hook, since the workers would run an atexit function as well."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    """Wait for the greenlets of live screens and webhooks, for which gunicorn does not wait."""
    extensions = getattr(worker.app.callable, "extensions", {}) if worker.app else {}
    if app := extensions.get("lct"):
        if app.webhooks:
            app.webhooks.drained()  # meanwhile the screens are closed
        app.hub.drained()
    if "lct-tracing" in extensions:
        extensions["lct-tracing"].stop()
