"""Every setting of lct, its environment variable and its default, in one frozen value."""

from __future__ import annotations

import importlib.util
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .places import data_folder

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SHORTEST_SECRET = 16
SHORTEST_PASSPHRASE = 8
LONGEST_NAME = 64  # the bus takes no more (application/messages.py)
# Where our own paths begin: a prefix that equals one would be ambiguous.
OWN_PATHS = (["t"], ["api"], ["static"], ["swagger"])


class SettingsError(ValueError):
    """A variable is missing or cannot be used; the text is one sentence that names it."""


class SettingMissing(SettingsError):
    """A required variable is not set."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not set (`lct up` sets it by itself).")
        self.variable = variable


def _text(value: str) -> str:
    return value


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if number < least or (most is not None and number > most):
            limits = f"at least {least}" if most is None else f"{least} to {most}"
            raise ValueError(f"must be {limits}")
        return number

    return parse


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("must be a number of seconds, 0 or more")
    return seconds


def _flag(value: str) -> bool:
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _short(value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} characters")
    return value


def _log_level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.upper()


def _starting_with(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not value.startswith(schemes):
            raise ValueError(f"must start with {' or '.join(schemes)}")
        return value

    return parse


def _web_address(value: str) -> str:
    return _starting_with("http://", "https://")(value).rstrip("/")


def _public_address(value: str) -> str:
    address = _web_address(value)
    _, _, path, query, fragment = urlsplit(address)
    fits = re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path) and not query and not fragment
    if not fits or path.split("/")[1:2] in OWN_PATHS:
        raise ValueError("must be an address such as https://cup.example or https://a.example/fifa")
    return address


def _hosts(value: str) -> str:
    for host in value.split(","):
        if not re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", host.strip()):
            raise ValueError("must be names such as cup.example, separated by commas")
    return value


def _origins(value: str) -> str:
    for origin in value.split():
        if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", origin):
            raise ValueError("must be origins such as https://app.example, separated by spaces")
    return value


def _collector(value: str) -> str:
    if importlib.util.find_spec("opentelemetry") is None:
        raise ValueError("needs the packages of requirements-tracing.lock, or lct[tracing]")
    return _web_address(value)


def _secret(value: str) -> str:
    if len(value) < SHORTEST_SECRET:
        raise ValueError(f"must have at least {SHORTEST_SECRET} characters")
    return value


def _passphrase(value: str) -> str:
    if len(value) < SHORTEST_PASSPHRASE:
        raise ValueError(f"must have at least {SHORTEST_PASSPHRASE} characters")
    return value


def _secrets(value: str) -> str:
    for each in value.split(","):
        _secret(each.strip())
    return value


def _setting(
    variable: str, parse: Callable[[str], Any] = _text, *, private: bool = False, **default: Any
) -> Any:
    # Private values (they hold passwords) stay out of the repr, and so out of logs and tracebacks,
    # and are never quoted in an error.
    metadata = {"variable": variable, "parse": parse, "private": private}
    return field(repr=not private, metadata=metadata, **default)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process; from_env() is the only reader of the environment.

    An empty variable counts as not set. A variable without a default below is required;
    `lct up` fills in those three by itself.
    """

    # The MongoDB server: mongodb://... or mongodb+srv://...
    mongo_uri: str = _setting(
        "LCT_MONGO_URI", _starting_with("mongodb://", "mongodb+srv://"), private=True
    )
    # The name of the database in it.
    database: str = _setting("LCT_MONGO_DB", default="lct")
    # The Redis server: redis://..., rediss://... or unix://...
    redis_url: str = _setting(
        "LCT_REDIS_URL", _starting_with("redis://", "rediss://", "unix://"), private=True
    )
    # Signs the cookies and personal links; the same on every pod, at least 16 characters.
    secret_key: str = _setting("LCT_SECRET_KEY", _secret, private=True)
    # Other valid keys, separated by commas: former ones, and the next one.
    secret_key_fallbacks: str = _setting(
        "LCT_SECRET_KEY_FALLBACKS", _secrets, private=True, default=""
    )
    # The address that guests type, for QR codes and links; not set: this machine only. With a
    # path, such as /fifa, everything is under it.
    public_url: str | None = _setting("LCT_PUBLIC_URL", _public_address, default=None)
    # Host names that lct answers to besides the public URL's, separated by commas; .cup.example:
    # cup.example and all its subdomains. Not set: any name.
    allowed_hosts: str = _setting("LCT_ALLOWED_HOSTS", _hosts, default="")
    # How many proxies in front of lct are trusted to set X-Forwarded-*; 0: none.
    trusted_proxies: int = _setting("LCT_TRUSTED_PROXIES", _whole(0), default=0)
    # How many live screens one worker holds open for one address (a whole bar may share one) ...
    sockets_per_address: int = _setting("LCT_SOCKETS_PER_ADDRESS", _whole(1), default=2000)
    # ... and for one tournament; one more gets a 429.
    sockets_per_tournament: int = _setting("LCT_SOCKETS_PER_TOURNAMENT", _whole(1), default=5000)
    # Marks cookies Secure; true behind TLS, false on a plain home network.
    secure_cookies: bool = _setting("LCT_SECURE_COOKIES", _flag, default=False)
    # Seconds over which a stopping worker spreads the closing of its sockets.
    drain_seconds: float = _setting("LCT_DRAIN_SECONDS", _seconds, default=5.0)
    # The rollout that a pod belongs to, the same on all its pods. With it, screens that leave a pod
    # go to new pods only; not set: to any.
    revision: str = _setting("LCT_REVISION", _short, default="")
    # The lowest level that is logged.
    log_level: str = _setting("LCT_LOG_LEVEL", _log_level, default="INFO")
    # How many worker processes serve.
    workers: int = _setting("LCT_WORKERS", _whole(1), default=2)
    # The address and port to listen on; port 0: any free one.
    host: str = _setting("LCT_HOST", default="0.0.0.0")
    port: int = _setting("LCT_PORT", _whole(0, 65535), default=8000)
    # The folder in which `lct up` keeps its data, secret key, sockets and logs.
    var: Path = _setting("LCT_VAR", Path, default_factory=data_folder)  # noqa: RUF009
    # The folder with translations, <tag>/LC_MESSAGES/lct.mo; not set: those that come with lct.
    locale: Path | None = _setting("LCT_LOCALE", Path, default=None)  # noqa: RUF009
    # After how many days without an event `delete-old` deletes a tournament; 0: never.
    retention_days: int = _setting("LCT_RETENTION_DAYS", _whole(0), default=0)
    # The token for reading /metrics, at least 16 characters; not set: there is no /metrics.
    metrics_token: str | None = _setting("LCT_METRICS_TOKEN", _secret, private=True, default=None)
    # The passphrase for creating a tournament, at least 8 characters; not set: none is needed.
    create_passphrase: str | None = _setting(
        "LCT_CREATE_PASSPHRASE", _passphrase, private=True, default=None
    )
    # Other sites whose pages may call the API from a browser, separated by spaces; not set: none.
    api_origins: str = _setting("LCT_API_ORIGINS", _origins, default="")
    # Whether hosts may add webhooks, which send events to other servers ...
    webhooks: bool = _setting("LCT_WEBHOOKS", _flag, default=False)
    # ... and to private addresses too, by http: for home networks and tests.
    webhooks_private: bool = _setting("LCT_WEBHOOKS_PRIVATE", _flag, default=False)
    # The OTLP/HTTP collector that traces go to, such as http://collector:4318; not set: no tracing.
    otlp_endpoint: str | None = _setting(
        "LCT_OTLP_ENDPOINT", _collector, private=True, default=None
    )
    # The name of this installation in logs, such as local, staging or production.
    environment: str = _setting("LCT_ENVIRONMENT", default="local")

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """All valid keys; the first one signs."""
        others = (each.strip() for each in self.secret_key_fallbacks.split(","))
        return self.secret_key, *filter(None, others)

    @property
    def prefix(self) -> str:
        """The path of the public URL, which every address begins with; usually empty."""
        return urlsplit(self.public_url or "").path

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names that lct answers to; empty: any."""
        if not self.allowed_hosts:
            return ()
        own = urlsplit(self.public_url or "").hostname
        return *(host.strip() for host in self.allowed_hosts.split(",")), *filter(None, [own])

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment gives; SettingsError names the first bad variable."""
        values = {}
        for each in fields(cls):
            variable, given = each.metadata["variable"], environ.get(each.metadata["variable"], "")
            if not given.strip():
                continue
            try:
                values[each.name] = each.metadata["parse"](given.strip())
            except ValueError as reason:
                shown = "" if each.metadata["private"] else f", not {given!r}"
                raise SettingsError(f"{variable} {reason}{shown}.") from None
        # Checked last, so that a typo in a given variable is reported before an absent one.
        for required in ("mongo_uri", "redis_url", "secret_key"):
            if required not in values:
                raise SettingMissing(variable_of(required))
        return cls(**values)


def variable_of(name: str) -> str:
    """The environment variable behind a field of Settings."""
    return next(str(f.metadata["variable"]) for f in fields(Settings) if f.name == name)


def environ_of(settings: Settings) -> dict[str, str]:
    """The variables that give exactly these settings, for a child process."""
    values = {str(f.metadata["variable"]): getattr(settings, f.name) for f in fields(settings)}
    return {variable: str(value) for variable, value in values.items() if value is not None}
