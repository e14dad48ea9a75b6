"""create_app: the only module that sees every part."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial

import gevent
from flask import Flask
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

from .application.execute import Execute
from .config import Settings
from .domain.teams import parse_catalogue
from .infrastructure import archive, outgoing
from .infrastructure.bus_sender import LOOK_SECONDS
from .infrastructure.courier import Courier
from .infrastructure.delivery import Delivery
from .infrastructure.documents import connect_store
from .infrastructure.event_store import EventStore
from .infrastructure.limiter import Limiter
from .infrastructure.observability import configure_logging
from .infrastructure.redis_bus import RedisBus
from .infrastructure.webhooks import Webhooks
from .places import PACKAGE, ROOT
from .request_id import request_id
from .web import (
    api,
    board,
    devices,
    errors,
    health,
    history,
    home,
    join,
    live,
    metrics,
    organise,
    pick,
    requests,
)
from .web.api import cors, document
from .web.hub import Hub
from .web.parts import Parts, join_url
from .web.prefix import under
from .web.render import Renderer
from .web.sessions import Csrf, Sessions, session_cookie
from .web.static import asset

MAX_BODY = 256 * 1024  # 2,000 pasted teams of 40 characters, with room


def _later(work: Callable[[], None]) -> None:
    """Do it outside of the request: with its id, for the log, but not within its deadline."""
    context = Context()
    context.run(request_id.set, request_id.get())
    gevent.spawn(context.run, work)


def create_app(settings: Settings) -> Flask:
    """The whole app; one per worker, after the fork."""
    configure_logging(settings.log_level, settings.environment)
    app = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        WTF_CSRF_SECRET_KEY=settings.secret_keys[::-1],  # the last one signs
        LCT_RETENTION_DAYS=settings.retention_days,
        LCT_METRICS_TOKEN=settings.metrics_token,
        LCT_CREATE_PASSPHRASE=settings.create_passphrase,
        LCT_API_ORIGINS=frozenset(settings.api_origins.split()),
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_PARTS=50,
        LCT_ALLOWED_HOSTS=settings.hosts,
        SESSION_COOKIE_NAME=session_cookie(settings.secure_cookies, settings.prefix),
        SESSION_COOKIE_PATH=settings.prefix or "/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=90),
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,  # an evening is longer than an hour
        WTF_CSRF_SSL_STRICT=False,  # the Referrer-Policy may keep the referrer to itself
        SOCK_SERVER_OPTIONS={"thread_class": live.Inline},
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    if settings.prefix:
        app.wsgi_app = under(settings.prefix, app.wsgi_app)  # type: ignore[method-assign, assignment]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    app.session_interface = Sessions(app)
    if settings.otlp_endpoint:
        from .infrastructure import tracing  # an extra, and nothing for who does not use it

        app.extensions["lct-tracing"] = tracing.start(
            app, settings.otlp_endpoint, settings.environment, requests.QUIET
        )
    connect_store(settings)
    # In the request's context, so that what is logged carries its id.
    store = EventStore(defer=_later)
    bus = RedisBus(settings.redis_url)
    limiter = Limiter(settings.redis_url)
    renderer = Renderer(app)
    app.jinja_env.globals["asset"] = asset(app)
    public_url = settings.public_url or f"http://127.0.0.1:{settings.port}"

    def now() -> datetime:
        """UTC by the clock that all workers share, in whole milliseconds as the store keeps it."""
        at = datetime.fromtimestamp(bus.time(), UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    secrets = tuple(key.encode() for key in settings.secret_keys)
    hooks = Webhooks() if settings.webhooks else None
    courier = None
    if hooks:
        post = partial(outgoing.post, private=settings.webhooks_private)
        count = metrics.WEBHOOKS.labels
        courier = Courier(Delivery(store, hooks, post, secrets, now, lambda how: count(how).inc()))

    hub = Hub(
        store.read,
        store.stream,
        store.forget,
        bus,
        now,
        renderer,
        lambda code: join_url(public_url, code),
        settings.drain_seconds,
        LOOK_SECONDS,
        settings.sockets_per_address,
        settings.sockets_per_tournament,
        settings.revision,
        courier.added if courier else lambda code: None,
    )

    def publish(code: str, seq: int) -> None:
        bus.publish(code, seq)
        if courier:
            courier.wake(code)

    app.extensions["lct"] = Parts(
        execute=Execute(store, publish, now),
        read=store.read,
        known=store.stream,
        ready=lambda: {"store": store.answers(), "bus": bus.ping()},
        bus=bus,
        hub=hub,
        stored=lambda code: archive.stored(store, code),
        exported=lambda code, public: archive.exported(store, code, public),
        receipt=lambda prefix: archive.receipt(store, prefix),
        hit=limiter.hit,
        count=limiter.count,
        check=limiter.check,
        catalogue=parse_catalogue((PACKAGE / "data/teams.csv").read_text(encoding="utf-8")),
        secrets=secrets,
        public_url=public_url,
        now=now,
        webhooks=hooks,
        webhooks_private=settings.webhooks_private,
    )
    app.extensions["lct-hub"] = hub
    app.extensions["lct-courier"] = courier
    app.extensions["lct-store"] = store
    app.extensions["lct-renderer"] = renderer

    requests.init_app(app)
    csrf = Csrf(app)
    Htmx(app)
    errors.init_app(app)
    for module in (home, join, pick, board, organise, devices, history, live, health, metrics):
        app.register_blueprint(module.bp)
    for table in api.TABLES:
        app.register_blueprint(table.bp)
        csrf.exempt(table.bp)  # no cookie grants anything there
    app.register_blueprint(document.bp)
    if settings.api_origins:
        app.after_request(cors.allow)
    return app
