"""What can be watched of a node from outside: its metrics port, and the events of its life in the log."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from pyrpc import __version__
from pyrpc.errors import ConfigError
from pyrpc.server.admission import Admission
from pyrpc.server.dispatch import Dispatcher
from pyrpc.server.events import tell
from pyrpc.server.metrics import metrics_port
from pyrpc.server.sample import Sample
from pyrpc.transport.endpoint import Endpoint, is_loopback
from pyrpc.transport.scrape import ScrapePort
from pyrpc.wire.messages import NodeState

_log = logging.getLogger("pyrpc.node")


def metrics_endpoint(host: str, port: int, *, insecure: bool) -> Endpoint:
    """Where metrics are to be told.

    Raises
    ------
    ConfigError
        Another address than loopback, which nothing protects: that must be said, as for the node itself.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigError("metrics_port makes no sense", expected="0 to 65535; 0 for a free one", got=repr(port))
    if not is_loopback(host) and not insecure:
        raise ConfigError(
            f"metrics on {host} could be read by everybody who reaches this machine: that port has no TLS and no token",
            help="leave metrics_host at 127.0.0.1, or say insecure=True (--insecure) in a network where that is right",
        )
    return Endpoint(host, port)


class Watch:
    """Tells of one process of a node.

    Parameters
    ----------
    endpoint : Endpoint, optional
        Where metrics are told; None: nowhere.
    traffic : callable
        Connections that are open, bytes received, bytes sent.

    Raises
    ------
    ConfigError
        prometheus_client is not installed.
    """

    def __init__(
        self,
        endpoint: Endpoint | None,
        dispatcher: Dispatcher,
        admission: Admission,
        traffic: Callable[[], tuple[int, int, int]],
    ) -> None:
        self._dispatcher = dispatcher
        self._admission = admission
        self._traffic = traffic
        self._port = None if endpoint is None else metrics_port(endpoint, self._samples)

    @property
    def port(self) -> ScrapePort | None:
        """Where metrics are told."""
        return self._port

    def sample(self) -> Sample:
        """What this process has counted up to now."""
        counters = self._dispatcher.counters
        connections, received, sent = self._traffic()
        return Sample(
            pid=os.getpid(),
            uptime_s=counters.uptime_s,
            is_serving=self._dispatcher.state is NodeState.SERVING,
            threads=self._admission.threads,
            in_flight=self._admission.in_flight,
            queued=self._admission.queued,
            connections=connections,
            bytes_received=received,
            bytes_sent=sent,
            stages=counters.stages(),
            errors=counters.errors(),
            frames_refused=counters.frames_refused(),
            batches=counters.batches(),
        )

    def sample_json(self) -> bytes:
        """The same as bytes, for the front process."""
        return self.sample().to_json()

    def _samples(self) -> tuple[Sample, list[Sample]]:
        sample = self.sample()
        return sample, [sample]

    # -- life

    def start(self, stages: int) -> None:
        """Open the metrics port, if there is to be one.

        Raises
        ------
        ConfigError
            The port is taken.
        """
        if self._port is not None:
            self._port.start()
        threads = self._admission.threads
        tell(_log, logging.INFO, "started", version=__version__, pid=os.getpid(), stages=stages, threads=threads)

    def listening(self, endpoint: str) -> None:
        """Calls are taken from now on."""
        url = None if self._port is None else self._port.url
        tell(_log, logging.INFO, "listening", endpoint=endpoint, metrics=url)

    def draining(self) -> None:
        """No new calls are taken from now on."""
        running, queued = self._admission.in_flight, self._admission.queued
        tell(_log, logging.INFO, "draining", in_flight=running, queued=queued)

    def close(self) -> None:
        """Tell the end, and close the metrics port: until now it told of the drain."""
        self._dispatcher.log.close()
        if self._port is not None:
            self._port.close()
        uptime_s = round(self._dispatcher.counters.uptime_s, 3)
        tell(_log, logging.INFO, "stopped", uptime_s=uptime_s, cut_off=self._admission.in_flight or None)
