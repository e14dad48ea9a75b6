"""`lct up`: the whole of lct on one laptop, from one command until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

from lct import __version__
from lct.config import Settings, SettingsError
from lct.laptop.children import Child, Watch
from lct.laptop.local_servers import (
    LocalServer,
    LocalServerError,
    private_folder,
    start_bus,
    start_store,
)
from lct.laptop.machine import (
    LaptopError,
    listen,
    qr_code,
    secret_key,
)
from lct.laptop.network import GuestAddress
from lct.laptop.web_server import WebServer, WebServerError
from lct.locks import Locked, take_lock
from lct.running import share_environ, unshare_addresses, unshare_environ

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.2
LARGEST_LOG = 10_000_000
Pause = Callable[[float], None]
# Placeholders, so that the other settings can be read before these servers run.
PENDING = {
    "LCT_MONGO_URI": "mongodb://pending",
    "LCT_REDIS_URL": "redis://pending",
    "LCT_SECRET_KEY": "pending-pending-pending",
}


def run(environ: Mapping[str, str] = os.environ) -> int:
    """Start everything, serve until SIGINT or SIGTERM, stop everything; the exit code."""
    patience = Patience()
    laptop = None
    try:
        given = {name: value for name, value in environ.items() if value.strip()}
        # A host who presses Ctrl-C waits for it; a pod has time to drain its sockets.
        laptop = Laptop({"LCT_DRAIN_SECONDS": "1", **given})
        laptop.start(patience.pause)
        laptop.say_where()
        laptop.watch(patience.pause)
    except (SettingsError, LaptopError, LocalServerError, WebServerError) as error:
        print(f"lct: {error}", file=sys.stderr, flush=True)
        return 1
    except StopAsked:
        return 0
    finally:
        if laptop is not None:
            laptop.stop()


class StopAsked(Exception):
    """Somebody pressed Ctrl-C, closed the terminal, or asked the process to end."""


class Patience:
    """Pauses that end in StopAsked once a signal has come.

    The handlers only set a flag: an exception out of them could come at any moment, even while
    subprocess holds a lock that stopping needs.
    """

    def __init__(self) -> None:
        self.asked = False
        for each in STOPS:
            signal.signal(each, self.note)

    def note(self, *_: object) -> None:
        """Remember that a signal came."""
        self.asked = True

    def pause(self, seconds: float) -> None:
        """Sleep, then raise StopAsked if a signal has come by now."""
        time.sleep(seconds)
        if self.asked:
            raise StopAsked


class Laptop:
    """The folder, the listening socket and the child processes of one `lct up`."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.settings = Settings.from_env({**PENDING, **environ})
        try:
            self.folder = private_folder(self.settings.var)
        except OSError as error:
            raise LaptopError(f"LCT_VAR cannot be used: {error}.") from None
        try:
            self.lock = take_lock(self.folder)
        except Locked as held:
            raise LaptopError(
                f"Another lct (process {held.owner}) is already running on this folder,"
                f" {self.folder}: stop that one, or set LCT_VAR to another folder."
            ) from None
        self.servers: list[LocalServer] = []
        self.app: WebServer | None = None
        self.listener = listen(self.settings.host, self.settings.port)

    def start(self, pause: Pause) -> None:
        """Start the servers that are not given, then the app, and wait until it answers."""
        _say(f"lct {__version__}, data in {self.folder}")
        self.complete_environ()
        for variable, start in (("LCT_MONGO_URI", start_store), ("LCT_REDIS_URL", start_bus)):
            if variable not in self.environ:
                self.servers.append(start(self.folder))
                self.environ[variable] = self.servers[-1].uri
                _say(f"starting the {self.servers[-1].name}")
        for server in self.servers:
            server.wait_ready(pause=pause)
        log = self.folder / "lct.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.rename(log.with_suffix(".log.1"))
        app = WebServer(self.listener, self.environ, log)
        _say("starting the app")
        app.start()
        self.app = app
        # While the app starts, since each takes a second. Nobody knows a new lct's address yet.
        _say("checking the store's indexes")
        app.run_command("ensure-indexes", pause)
        app.wait_ready(pause=pause)
        self.share()

    def share(self) -> None:
        """Tell the other commands on this machine; the app reads the address by itself."""
        share_environ(self.folder, self.environ | {"LCT_PUBLIC_URL": self.address.public.url})

    def complete_environ(self) -> None:
        """Fill in what the settings leave open: the secret key, the port, the guests' address."""
        port, given = self.listener.getsockname()[1], self.settings.public_url or ""
        self.address = GuestAddress(self.folder, self.settings.host, port, given)
        self.environ["LCT_VAR"] = str(self.folder)
        self.environ["LCT_PORT"] = str(port)
        self.environ["LCT_PUBLIC_URL"] = self.address.first
        if "LCT_SECRET_KEY" not in self.environ:
            self.environ["LCT_SECRET_KEY"] = secret_key(self.folder)

    def say_where(self) -> None:
        """Print the address, its QR code, and where the data is."""
        url, found = self.address.public.url, self.address.public.found
        print(f"\n  lct is open at  {url}\n")
        print(qr_code(url, coloured=sys.stdout.isatty()))
        if "//127." in url:
            print("\n  Only this machine can open it: join a network, or set LCT_PUBLIC_URL.")
        if others := [each for each in found if each != url]:
            print(f"\n  Other addresses of this machine: {'  '.join(others)}")
            print("  If phones cannot open the first one: the host's page changes it, under")
            print("  “Let guests in”.")
        print(f"\n  Data and log:   {self.folder}")
        print("  Ctrl-C stops it; the data stays.\n", flush=True)

    def watch(self, pause: Pause) -> NoReturn:
        """Restart whatever ends by itself, until interrupted."""
        assert self.app is not None
        children: list[Child] = [*self.servers, self.app]
        watches = [Watch(child, _warn) for child in children]
        while True:
            for watch in watches:
                watch.look(time.monotonic())
            with contextlib.suppress(OSError):  # a full disk or a closed terminal ends no evening
                if self.address.look(time.monotonic()):
                    self.share()
                    _say(f"lct is now open at  {self.address.public.url}")
            pause(LOOK_SECONDS)

    def stop(self) -> None:
        """Stop the app, then the bus, then the store, each gracefully."""
        unshare_environ(self.folder)
        self.listener.close()
        if self.app is not None:
            # gunicorn ends by itself within its graceful timeout, drain_seconds + 1.
            self.app.stop(self.settings.drain_seconds + 1.5)
        for server in reversed(self.servers):
            server.stop(timeout=1)
        unshare_addresses(self.folder)
        self.lock.close()


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _warn(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(f"lct: {text}", file=sys.stderr, flush=True)
