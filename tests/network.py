"""A proxy between browsers and the server."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Network:
    """A proxy between browsers and the server that breaks requests on demand.

    ``rules`` maps the last part of a path (live, events, now), or "" for every request, to a
    fault: "refuse" answers 403, "hang" never answers, "hold" passes on the head of the server's
    response and nothing after it, "portal" answers with a page of its own, "cut" closes the
    connection.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.rules: dict[str, str] = {}
        self.seen: list[str] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self._serve, args=(self._listener.accept()[0],), daemon=True
                ).start()

    def _serve(self, browser: socket.socket) -> None:
        with suppress(OSError), browser:
            self._open.add(browser)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (got := browser.recv(65536)):
                    return
                head += got
            if (head := self.forwarded(head)) is None:
                browser.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            path = head.split(b" ", 2)[1].decode()
            what = path.partition("?")[0].rpartition("/")[2]
            self.seen.append(what)
            rule = self.rules.get(what) or self.rules.get("")
            if rule == "refuse":
                browser.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            elif rule == "portal":
                head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
                browser.sendall(head + b"<p id=stage>Room number?</p>")
            elif rule == "hang":
                self._swallow(browser)
            elif rule != "cut":
                with socket.create_connection(("127.0.0.1", self.port)) as server:
                    self._open.add(server)
                    self._pass_on(head, browser, server, held=rule == "hold")

    def forwarded(self, head: bytes) -> bytes | None:
        """The request's head as the server receives it; None if it is not for this server."""
        return head

    def _pass_on(
        self, head: bytes, browser: socket.socket, server: socket.socket, held: bool
    ) -> None:
        if b"\r\nUpgrade:" not in head:  # one request per connection, so that rules apply
            head = head.replace(b"\r\nConnection: keep-alive", b"\r\nConnection: close")
        server.sendall(head)
        if held:
            answer = server.recv(65536)
            browser.sendall(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            self._swallow(server)
            return
        answers = threading.Thread(target=self._pump, args=(server, browser))
        answers.start()
        self._pump(browser, server)
        answers.join()

    @staticmethod
    def _swallow(source: socket.socket) -> None:
        while source.recv(65536):
            pass

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while got := source.recv(65536):
                target.sendall(got)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def set(self, **rules: str) -> None:
        """Replace the rules, and cut open connections so that they meet the new ones."""
        self.rules = {"" if name == "everything" else name: rule for name, rule in rules.items()}
        self.cut()

    def cut(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()
