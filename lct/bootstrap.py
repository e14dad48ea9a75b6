"""create_app: the only module that sees every part."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import gevent
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from .application.execute import Execute
from .config import Settings
from .domain.teams import parse_catalogue
from .infrastructure import stored_events, transfer
from .infrastructure.documents import connect_store
from .infrastructure.event_store import EventStore
from .infrastructure.limiter import Limiter
from .infrastructure.observability import configure_logging
from .infrastructure.redis_bus import RedisBus
from .locale import languages
from .places import PACKAGE, ROOT
from .running import PublicAddress
from .web import (
    api,
    board,
    devices,
    errors,
    health,
    history,
    home,
    inbox,
    join,
    limits,
    live,
    metrics,
    organise,
    pick,
    requests,
    spreadsheets,
)
from .web.api import cors, document
from .web.app import App
from .web.gathering import Gatherer
from .web.hub import Hub
from .web.prefix import under
from .web.render import Renderer
from .web.sessions import Asked, Csrf, Sessions, session_cookie
from .web.static import asset
from .webhooks import Webhooks

MAX_BODY = 256 * 1024  # 1,200 pasted teams of 40 characters, with room


def create_app(settings: Settings) -> Flask:
    """The whole app; one per worker, after the fork."""
    configure_logging(settings.log_level, settings.environment)
    flask = Flask("lct", root_path=str(ROOT), template_folder="templates", static_folder="static")
    configure(flask, settings)
    stand_behind_proxies(flask, settings)
    trace(flask, settings)
    flask.extensions["lct"] = collaborators(Renderer(flask), settings)
    csrf = wrap_requests(flask)
    serve_pages(flask)
    serve_programs(flask, csrf, settings.api_origins)
    return flask


def configure(flask: Flask, settings: Settings) -> None:
    """Flask's own settings, those of its extensions, and those of ours that views read."""
    flask.config.update(
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
        WTF_CSRF_SSL_STRICT=False,  # our Referrer-Policy may withhold the referrer
        SOCK_SERVER_OPTIONS={"thread_class": inbox.Inline},
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    flask.url_map.merge_slashes = False  # else `//` redirects to whatever Host says
    flask.request_class = Asked
    flask.session_interface = Sessions(flask)
    flask.jinja_env.globals["asset"] = asset(flask)


def stand_behind_proxies(flask: Flask, settings: Settings) -> None:
    """Read the client's address, the scheme and the name from trusted proxies, then the prefix."""
    if settings.prefix:
        flask.wsgi_app = under(settings.prefix, flask.wsgi_app)  # type: ignore[method-assign, assignment]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def trace(flask: Flask, settings: Settings) -> None:
    """Send spans to a collector, where there is one."""
    if settings.otlp_endpoint:
        from .infrastructure import tracing  # its packages are an optional extra

        flask.extensions["lct-tracing"] = tracing.start(
            flask, settings.otlp_endpoint, settings.environment, requests.QUIET
        )


def collaborators(renderer: Renderer, settings: Settings) -> App:
    """The store, the bus and the screens, each with its dependencies."""
    connect_store(settings)
    store = EventStore(defer=gevent.spawn)
    bus = RedisBus(settings.redis_url, store.turning)
    given = settings.public_url or f"http://127.0.0.1:{settings.port}"
    address = PublicAddress(given, settings.var)
    spoken = languages(settings.locale or PACKAGE / "locale")
    webhooks = tell_others(store, bus, settings) if settings.webhooks else None
    told = [bus.publish, webhooks.wake] if webhooks else [bus.publish]
    execute = Execute(store, told, bus.now)
    return App(
        store=store,
        bus=bus,
        execute=execute,
        hub=Hub(
            store=store,
            bus=bus,
            renderer=renderer,
            address=address,
            drain_seconds=settings.drain_seconds,
            sockets_per_address=settings.sockets_per_address,
            sockets_per_tournament=settings.sockets_per_tournament,
            revision=settings.revision,
            on_webhook=webhooks.added if webhooks else None,
            go_on=execute.follow_up,
            languages=spoken,
        ),
        gatherer=Gatherer(store, execute),
        limiter=Limiter(settings.redis_url),
        renderer=renderer,
        stored=partial(stored_events.stored, store),
        exported=partial(transfer.exported, store),
        receipt=partial(stored_events.receipt, store),
        languages=spoken,
        catalogue=parse_catalogue((PACKAGE / "data/teams.csv").read_text(encoding="utf-8")),
        secrets=secrets_of(settings),
        address=address,
        webhooks=webhooks,
    )


def tell_others(store: EventStore, bus: RedisBus, settings: Settings) -> Webhooks:
    """The webhooks, with their outcomes counted."""
    secrets, private = secrets_of(settings), settings.webhooks_private
    return Webhooks(store, secrets, bus.now, metrics.count_webhook, private)


def secrets_of(settings: Settings) -> tuple[bytes, ...]:
    return tuple(key.encode() for key in settings.secret_keys)


def wrap_requests(flask: Flask) -> Csrf:
    """Wrap every view in ids, log lines, headers, tokens, compression and refusals."""
    requests.init_app(flask)
    csrf = Csrf(flask)
    errors.init_app(flask)
    return csrf


def serve_pages(flask: Flask) -> None:
    flask.before_request(limits.page)
    screens = home, join, pick, board, organise, devices, history, spreadsheets
    for module in (*screens, live, health, metrics):
        flask.register_blueprint(module.bp)


def serve_programs(flask: Flask, csrf: Csrf, origins: str) -> None:
    for table in api.TABLES:
        flask.register_blueprint(table.bp)
        csrf.exempt(table.bp)  # no cookie grants anything there
    flask.register_blueprint(document.bp)
    if origins:
        flask.after_request(cors.allow)
