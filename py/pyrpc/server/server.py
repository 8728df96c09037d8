"""The node, assembled: what it hosts, where it listens, how it starts and stops."""

from __future__ import annotations

import math
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

from pyrpc import __version__
from pyrpc.errors import ConfigError
from pyrpc.idl.classes import Idl
from pyrpc.server.admission import Admission
from pyrpc.server.dispatch import Dispatcher
from pyrpc.server.guarded import GuardedDispatcher
from pyrpc.server.hooks import ServiceHooks
from pyrpc.server.security import certificates_of, check_closed, make_channel_of
from pyrpc.server.tokens import TokenFile
from pyrpc.server.traced import trace_runs
from pyrpc.server.typed.declared import IdlService
from pyrpc.server.typed.hosting import hosted_services
from pyrpc.server.watch import Watch, metrics_endpoint
from pyrpc.server.workers import Control, adopt_connections, tell_closed, tell_drain
from pyrpc.tracing import tracing
from pyrpc.transport.endpoint import DEFAULT_HOST, Endpoint, default_port, is_loopback
from pyrpc.transport.listener import Listener
from pyrpc.transport.load_board import LoadBoard
from pyrpc.transport.patience import Patience
from pyrpc.transport.tls import Tls
from pyrpc.wire import limits
from pyrpc.wire.messages import NodeInfo, NodeState, StageInfo

_DEFAULT_THREADS = 8
_POLL_S = 0.005
_SIGNAL_POLL_S = 0.1
# How long a node that stops goes on to refuse calls, so that callers in the middle of many are told instead of cut.
_FAREWELL_S = 0.3
# Beyond the grace time, until a stop that another thread began is taken for stuck.
_LEAVING_S = 5.0


class Server:
    """A node: hosts services and answers calls.

    Parameters
    ----------
    *services : class, instance, function, module, dict or processor
        What to host. A class is instantiated without arguments, once. A dict names its values. Methods are called
        ``Class.method``, functions of a module ``module.function``, a function by its name.
    host : str
        Address to listen on. Only this machine by default.
    port : int, optional
        0 for a free one (see ``endpoint``); by default the environment's PYRPC_PORT, or 9090.
    threads : int
        Calls that run at the same time; more wait, at most ``max_queued``.
    max_frame_bytes : int
        Largest frame taken, at most 1 GiB - 1.
    max_connections : int
        More connections wait.
    max_queued : int
        Calls that wait for their turn; while waiting costs callers too much of their time it is fewer.
    max_bytes_in_flight : int, optional
        Bytes of the large requests that wait or run, together; by default a quarter of the memory, at most 2 GiB. A
        single request that is larger gets its turn when it is alone.
    patience : Patience, optional
        How long callers may take: ``patience=pyrpc.server.Patience(idle_s=60)``.
    tracebacks : bool, optional
        Whether callers see the traceback of a stage that raises; by default only on loopback.
    tls : Tls, optional
        Speak TLS, and nothing else: ``tls=pyrpc.Tls(cert="node.pem", key="node.key")``; with ``ca=`` callers must show
        a certificate of that CA, too. The files are read again when they change.
    tokens : path, optional
        A file of tokens, one of which each call must bring; see :mod:`pyrpc.server.tokens`. Read again when it changes.
    insecure : bool
        Listening on another address than loopback without both ``tls`` and ``tokens`` lets everybody in: that must be
        said.
    metrics_port : int, optional
        Tell Prometheus what is counted, on this port; 0 for a free one (see ``metrics_url``). Needs the extra
        ``metrics``. By default there is none.
    metrics_host : str
        Address of that port; it has neither TLS nor tokens, so another address than loopback needs ``insecure``.

    Raises
    ------
    ConfigError
        Nothing to host, a name that is there twice, an option that makes no sense. ``start`` raises it for a port
        that is taken.

    Examples
    --------
    >>> import numpy as np
    >>> from pyrpc import Client, Server
    >>> def double(x):
    ...     return x * 2
    >>> with Server(double, port=0) as server, Client(server.endpoint) as client:
    ...     print(client.map("double", np.arange(4)))
    [0 2 4 6]
    """

    def __init__(
        self,
        *services: object,
        host: str = DEFAULT_HOST,
        port: int | None = None,
        threads: int = _DEFAULT_THREADS,
        max_frame_bytes: int = limits.HARD_FRAME_BYTES,
        max_connections: int = 1024,
        max_queued: int = 1024,
        max_bytes_in_flight: int | None = None,
        patience: Patience | None = None,
        tracebacks: bool | None = None,
        tls: Tls | None = None,
        tokens: str | os.PathLike[str] | None = None,
        insecure: bool = False,
        metrics_port: int | None = None,
        metrics_host: str = DEFAULT_HOST,
    ) -> None:
        if not services:
            raise ConfigError("a server without services", help="pass a class, instance, function, module or dict")
        _check_sizes(threads, max_frame_bytes, max_connections, max_queued, max_bytes_in_flight)
        _check_port(port)
        is_local = is_loopback(host)
        if not is_local and not insecure:
            check_closed(host, tls, tokens)
        self._certificates = certificates_of(tls)
        self._tokens = None if tokens is None else TokenFile(tokens)
        self._registry, typed = hosted_services(services)
        self._hooks = ServiceHooks(self._registry.hooks)
        self._admission = Admission(threads, max_queued)
        self._max_frame_bytes = min(max_frame_bytes, limits.HARD_FRAME_BYTES)
        self._node_id = secrets.token_hex(8)
        self._dispatcher = self._make_dispatcher(is_local if tracebacks is None else tracebacks, max_bytes_in_flight)
        self._dispatcher.typed = typed
        self._front: Control | None = None
        endpoint = Endpoint(host, default_port() if port is None else port)
        self._listener: Listener = self._make_listener(endpoint, max_connections, threads, patience or Patience())
        self._watch = Watch(
            None if metrics_port is None else metrics_endpoint(metrics_host, metrics_port, insecure=insecure),
            self._dispatcher,
            self._admission,
            self._traffic,
        )
        self._is_started = False
        self._is_closed = False
        self._stopped = threading.Event()
        # Who comes second to stop it waits for the first.
        self._stop_lock = threading.Lock()
        self._is_stopping = False
        self._has_ended = threading.Event()
        # Told when a caller asks the node to go away; must lead to ``stop``. None: a thread stops it.
        self.on_drain: Callable[[], object] | None = None
        self._asked_grace_s: float | None = None
        # When that was; a worker goes on for a while, refusing calls, until the others have finished.
        self._asked_at = math.inf
        self._dispatcher.on_drain = self._asked_to_drain

    @classmethod
    def from_idl(
        cls, idl: str | os.PathLike[str] | Idl, service: str, handler: object, *services: object, **options: Any
    ) -> Server:
        """A node for a service of your own IDL, that clients of any Thrift compiler's code call.

        Parameters
        ----------
        idl : path or Idl
            Of the ``.thrift`` file, or what :func:`pyrpc.idl.load` gave for it.
        service : str
            Which of its services.
        handler : class, instance or module
            Has a function of each name; arguments come by position. Structs, exceptions and enums are those of
            ``pyrpc.idl.load(idl)``, or anything with the same attributes (exceptions: of the same name).
        *services, **options
            More to host, and how: see Server.

        Raises
        ------
        ConfigError
            The IDL cannot be read (the line is shown), or the handler does not fit it.
        """
        return cls(IdlService(idl, service, handler), *services, **options)

    def _make_listener(self, endpoint: Endpoint, connections: int, threads: int, patience: Patience) -> Listener:
        return Listener(
            endpoint,
            self._dispatcher.serve,
            max_connections=connections,
            on_close=self._tell_front_of_close,
            make_channel=make_channel_of(self._certificates),
            patience=patience,
            farewell=self._dispatcher.say_goodbye,
            slow_callers=threads,
            # A call with a token takes more steps than are worth it.
            serve_quick=self._dispatcher.serve_quick if self._tokens is None else None,
            max_frame_bytes=self._max_frame_bytes,
        )

    def _make_dispatcher(self, tracebacks: bool, max_bytes_in_flight: int | None) -> Dispatcher:
        make: Callable[..., Dispatcher] = Dispatcher
        if self._tokens is not None:
            make = partial(GuardedDispatcher, tokens=self._tokens)
        dispatcher = make(
            self._registry,
            self._admission,
            self._info,
            max_frame_bytes=self._max_frame_bytes,
            tracebacks=tracebacks,
            traffic=self._traffic,
            max_bytes_in_flight=max_bytes_in_flight,
        )
        found = tracing()
        if found is not None:
            trace_runs(dispatcher, found)
        return dispatcher

    def _traffic(self) -> tuple[int, int, int]:
        """Connections that are open, bytes received, bytes sent."""
        return (self._listener.connections, *self._listener.traffic())

    # -- what it is

    @property
    def endpoint(self) -> str:
        """``host:port``; the real port once it is started."""
        return str(self._listener.endpoint)

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus may scrape; with the real port once it is started. None: there are no metrics."""
        return None if self._watch.port is None else self._watch.port.url

    @property
    def stages(self) -> tuple[StageInfo, ...]:
        """What the node hosts."""
        return self._registry.infos()

    @property
    def state(self) -> NodeState:
        """SERVING, DRAINING (finishes what runs), or NOT_SERVING (not started, or stopped)."""
        return self._dispatcher.state

    def _info(self) -> NodeInfo:
        return NodeInfo(
            node_id=self._node_id,
            version=__version__,
            state=self._dispatcher.state,
            max_frame_bytes=self._max_frame_bytes,
            pid=os.getpid(),
            threads=self._admission.threads,
        )

    # -- life

    def bind(self) -> str:
        """Take the port now and return the endpoint; ``start`` does it else. Callers are refused until then.

        Raises
        ------
        ConfigError
            Another program has the port, or the host is not of this machine.
        """
        return str(self._listener.bind())

    def prepare(self) -> None:
        """Run the ``setup`` of the services now, if it did not run yet; ``start`` does it else.

        Raises
        ------
        ConfigError
            One of them raised.
        """
        self._hooks.set_up()

    def start(self) -> Server:
        """Set up the services, listen, and answer in the background; returns as soon as the port is open.

        The threads are daemons: the process may end without ``stop``.

        Raises
        ------
        ConfigError
            The port is taken, or the ``setup`` of a service raised.
        """
        self._check_fresh()
        self.bind()
        try:
            # Nobody shall connect and then wait for a model to load.
            self.prepare()
            self._watch.start(len(self._registry))
            self._listener.listen()
        except BaseException:
            self._watch.close()
            self._hooks.close()
            self._listener.stop_accepting()
            raise
        self._is_started = True
        self._follow_files()
        self._dispatcher.state = NodeState.SERVING
        self._listener.start()
        self._watch.listening(self.endpoint)
        return self

    def _follow_files(self) -> None:
        for file in (self._tokens, self._certificates):
            if file is not None:
                file.start()

    def _check_fresh(self) -> None:
        if self._is_started or self._is_closed:
            what = "stopped" if self._is_closed else "started already"
            raise ConfigError(f"the server was {what}", help="make a new Server to listen again")

    def serve(self, grace_s: float = 25.0) -> None:
        """Start (unless started) and block until ``stop``, SIGTERM or SIGINT; then finish what runs.

        A second signal ends the process at once.
        """
        if not self._is_started:
            self.start()
        self.wait(grace_s)

    def wait(self, grace_s: float = 25.0) -> None:
        """Block until ``stop``, SIGTERM or SIGINT; must be called from the main thread for the signals to count."""
        self._wait_for(self._take_signals(), grace_s)

    def _take_signals(self) -> list[int]:
        """Take over SIGTERM and SIGINT; the list gets the number of the first."""
        received: list[int] = []

        def on_signal(number: int, frame: object) -> None:
            if received:
                os._exit(128 + number)
            # No more than this: a handler runs in the main thread, which may hold any lock just then.
            received.append(number)

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, on_signal)
        return received

    def _wait_for(self, received: list[int], grace_s: float) -> None:
        if self.on_drain is None:
            self.on_drain = self._stopped.set
        # Polled, since a signal that another thread takes does not wake this one.
        while not received and not self._stopped.wait(_SIGNAL_POLL_S):
            pass
        self.stop(grace_s)

    def serve_adopted(self, control: Control, grace_s: float = 25.0) -> None:
        """Serve connections that a front process accepts and hands over through ``control``; blocks."""
        self._check_fresh()
        self.prepare()
        self._is_started = True
        self._front = control
        self._follow_files()
        self._dispatcher.state = NodeState.SERVING
        self._listener.adopt_only()
        self._watch.start(len(self._registry))
        # Before the front hears that it is ready, and may end it.
        received = self._take_signals()
        board = LoadBoard()
        self._admission.shown = board.shown
        adopt_connections(
            control, self._listener.adopt, self._stopped.set, self._watch.sample_json, load=board.descriptor
        )
        self._wait_for(received, grace_s)

    def _tell_front_of_close(self) -> None:
        if self._front is not None:
            tell_closed(self._front)

    def stop(self, grace_s: float = 25.0) -> None:
        """Refuse new work as DRAINING, finish what runs, at most grace_s, and close. May be called twice.

        The port is free when this returns. The ``close`` of the services runs at the end.
        """
        with self._stop_lock:
            is_first, self._is_stopping = not self._is_stopping, True
        if not is_first:
            self._has_ended.wait(grace_s + _LEAVING_S)
            return
        if self._asked_grace_s is not None:
            grace_s = self._asked_grace_s
        self._dispatcher.state = NodeState.DRAINING
        self._watch.draining()
        self._listener.stop_accepting()
        now = time.monotonic()
        until = min(now, self._asked_at) + grace_s
        while self._listener.is_busy and time.monotonic() < until:
            time.sleep(_POLL_S)
        # A caller in the middle of many calls sends the next one without looking whether the connection is still
        # open; cut off, it could not know whether that one ran.
        until = min(until, time.monotonic() + _FAREWELL_S)
        while not self._listener.is_quiet and time.monotonic() < until:
            time.sleep(_POLL_S)
        self._listener.close()
        self._hooks.close()
        for file in (self._tokens, self._certificates):
            if file is not None:
                file.close()
        self._watch.close()
        self._dispatcher.state = NodeState.NOT_SERVING
        self._is_closed = True
        self._stopped.set()
        self._has_ended.set()

    def _asked_to_drain(self, grace_s: float | None) -> None:
        """A caller asked the node to go away; the process ends as after SIGTERM."""
        self._asked_grace_s = grace_s
        self._asked_at = min(self._asked_at, time.monotonic())
        if self._front is not None:
            # It ends the other workers, too.
            tell_drain(self._front, grace_s)
        elif self.on_drain is not None:
            self.on_drain()
        else:
            threading.Thread(target=self.stop, name="pyrpc-drain", daemon=True).start()

    def __enter__(self) -> Server:
        return self if self._is_started else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _check_sizes(
    threads: int, max_frame_bytes: int, max_connections: int, max_queued: int, max_bytes_in_flight: int | None
) -> None:
    _check_whole(1, threads=threads, max_frame_bytes=max_frame_bytes, max_connections=max_connections)
    _check_whole(0, max_queued=max_queued)
    if max_bytes_in_flight is not None:
        _check_whole(1, max_bytes_in_flight=max_bytes_in_flight)


def _check_whole(least: int, **options: int) -> None:
    for name, value in options.items():
        if not isinstance(value, int) or value < least:
            raise ConfigError(f"{name} makes no sense", expected=f"a whole number, at least {least}", got=repr(value))


def _check_port(port: int | None) -> None:
    if port is not None and (not isinstance(port, int) or not 0 <= port <= 65535):
        raise ConfigError("port makes no sense", expected="0 to 65535; 0 for a free one", got=repr(port))
