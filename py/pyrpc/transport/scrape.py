"""A small HTTP port for whoever collects metrics: bounded, and nothing that a caller does there reaches the node."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint

_log = logging.getLogger("pyrpc.metrics")
# A scrape is a few hundred bytes and a few kilobytes back; who takes longer holds one of few threads.
_TIMEOUT_S = 5.0
_MAX_REQUESTS = 8


class ScrapePort:
    """Answers GET by a WSGI application, in threads of its own.

    Parameters
    ----------
    endpoint : Endpoint
        Port 0: a free one; see ``endpoint`` once it is started.
    """

    def __init__(self, endpoint: Endpoint, app: Callable[..., Any]) -> None:
        self._app = app
        self._server: _HttpServer | None = None
        self.endpoint = endpoint

    @property
    def url(self) -> str:
        """Where to scrape."""
        return f"http://{self.endpoint}/metrics"

    def start(self) -> None:
        """Listen and answer in the background; returns at once.

        Raises
        ------
        ConfigError
            The port is taken, or the host is not of this machine.
        """
        host = self.endpoint.host
        kind = _HttpServer6 if ":" in host else _HttpServer
        try:
            self._server = kind((host, self.endpoint.port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {self.endpoint} for metrics",
                got=str(error),
                help="choose another port with metrics_port (--metrics-port), or 0 for a free one",
            ) from error
        self._server.set_app(self._app)
        self.endpoint = Endpoint(host, self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="pyrpc-metrics", daemon=True).start()

    def close(self) -> None:
        """Close the port. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no event."""
        _log.debug("scraped by %s", self.client_address[0])


class _HttpServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Otherwise each thread that ever was is kept for a join.
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(_MAX_REQUESTS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """As WSGIServer, without asking the resolver for the host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "pyrpc", self.server_address[1]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is a thread for it; else the connection is closed."""
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request and give the thread back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up, or says what is no HTTP, costs nothing but the thread's time."""
        _log.debug("a scrape by %s failed", client_address[0], exc_info=True)


class _HttpServer6(_HttpServer):
    address_family = socket.AF_INET6
