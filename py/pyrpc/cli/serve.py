"""``pyrpc serve``: a node on this machine, in one process or several."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from typing import TYPE_CHECKING

from pyrpc.cli.limits import add_limits, limits_of
from pyrpc.cli.logs import FORMATS, LEVELS, start_log
from pyrpc.cli.parser import count, port, seconds
from pyrpc.cli.security import add_server_security, server_tls
from pyrpc.errors import ConfigError

if TYPE_CHECKING:
    from pyrpc.server import Server
    from pyrpc.server.workers import WorkerFront
    from pyrpc.transport.scrape import ScrapePort

NAME = "serve"
HELP = "host classes and functions on this machine"

_EPILOG = """\
services:
  module:Class           its public methods, as Class.method; made once, without arguments
  module:instance        the same of an object that is there already
  module:function        as function
  module                 the module's own functions, as module.function
  path/to/file.py:Class  any of these by its file
Modules of the current folder can be imported.

When the node is ready it prints one line on standard output: listening on HOST:PORT. Everything else, what the
services print too, goes to standard error. SIGTERM and Ctrl-C let running calls finish, at most --grace seconds, and
end it with exit code 0; a second one ends it at once.

examples:
  pyrpc serve vision:Vision                       on 127.0.0.1:9090, or PYRPC_PORT
  pyrpc serve vision.py:Vision stats --port 9091  a class and a module's functions
  pyrpc serve slow:parse --workers 4              four processes, for pure Python that keeps a core busy
  pyrpc serve vision:Vision --host 0.0.0.0 --tls-cert node.pem --tls-key node.key --tokens tokens.txt
                                                  for other machines
  pyrpc serve vision:Vision --host 0.0.0.0 --insecure
                                                  the same, and who reaches the port may call everything"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc serve``."""
    parser.epilog = _EPILOG
    parser.add_argument("services", nargs="+", metavar="SERVICE", help="what to host; see below")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=port, help="0 for a free one (default: PYRPC_PORT, or 9090)")
    parser.add_argument(
        "--threads", type=count, default=8, metavar="N", help="calls that run at the same time, per worker (default: 8)"
    )
    parser.add_argument(
        "--workers", type=count, default=1, metavar="N", help="processes, for stages that hold the GIL (default: 1)"
    )
    parser.add_argument(
        "--tracebacks",
        action=argparse.BooleanOptionalAction,
        help="whether callers see the tracebacks of stages that raise (default: only on this machine)",
    )
    parser.add_argument(
        "--grace", type=seconds, default=25.0, metavar="S", help="seconds for running calls at the end (default: 25)"
    )
    parser.add_argument(
        "--metrics-port", type=port, metavar="PORT", help="tell Prometheus what is counted; 0 for a free port"
    )
    parser.add_argument(
        "--metrics-host", default="127.0.0.1", metavar="HOST", help="address of that port (default: this machine only)"
    )
    parser.add_argument("--log-format", choices=FORMATS, default="text", help="of standard error (default: text)")
    parser.add_argument(
        "--log-level", choices=LEVELS, help="what is told there, from that level up (default: warning; info with -v)"
    )
    add_limits(parser)
    add_server_security(parser)
    parser.add_argument("--worker-fd", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    level = args.log_level or ("info" if args.verbose else "warning")
    start_log(level, args.log_format, is_worker=args.worker_fd is not None)
    if args.worker_fd is not None:
        return _run_worker(args)
    return _run_front(args) if args.workers > 1 else _run_alone(args)


def _run_alone(args: argparse.Namespace) -> int:
    from pyrpc.cli.signals import StopSignals

    server = _server(args)
    # To load a model may take minutes; that the port is taken must not come after that.
    server.bind()
    # Until it is ready SIGTERM ends it at once, as during the imports.
    _set_up(server)
    signals = StopSignals()
    server.on_drain = signals.ask
    server.start()
    _say_metrics(server.metrics_url)
    _say_ready(server.endpoint)
    signals.wait()
    server.stop(args.grace)
    signals.over()
    return 0


def _run_front(args: argparse.Namespace) -> int:
    import signal

    from pyrpc.cli.signals import StopSignals
    from pyrpc.server.events import tell
    from pyrpc.server.workers import WorkerFront, worker_command
    from pyrpc.transport.endpoint import Endpoint, default_port

    wanted = Endpoint(args.host, default_port() if args.port is None else args.port)
    front = WorkerFront(wanted, worker_command(args.argv), args.workers, args.max_connections)
    # Until the workers are ready nothing runs that could be finished: SIGTERM ends it all, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    metrics = _front_metrics(args, front)
    front.start()
    signals = StopSignals(on_second=front.kill)
    front.on_drain = signals.ask
    _say_metrics(None if metrics is None else metrics.url)
    tell(logging.getLogger("pyrpc.node"), logging.INFO, "listening", endpoint=str(front.endpoint), workers=args.workers)
    _say_ready(str(front.endpoint))
    signals.wait()
    front.stop(args.grace if signals.grace_s is None else signals.grace_s)
    if metrics is not None:
        metrics.close()
    signals.over()
    return 0


def _front_metrics(args: argparse.Namespace, front: WorkerFront) -> ScrapePort | None:
    """The metrics port of all workers, open; None: there is to be none."""
    if args.metrics_port is None:
        return None
    from pyrpc.server.front_watch import front_metrics
    from pyrpc.server.watch import metrics_endpoint

    endpoint = metrics_endpoint(args.metrics_host, args.metrics_port, insecure=args.insecure)
    metrics = front_metrics(endpoint, front)
    metrics.start()
    return metrics


def _run_worker(args: argparse.Namespace) -> int:
    from pyrpc.server.workers import open_control, tell_failure

    control = open_control(args.worker_fd)
    try:
        server = _server(args)
        _set_up(server)
    except ConfigError as error:
        tell_failure(control, error)
        return 2
    sys.stdout = sys.stderr
    server.serve_adopted(control, args.grace)
    return 0


def _server(args: argparse.Namespace) -> Server:
    from pyrpc.cli.load import instantiated, load_service
    from pyrpc.server import Server

    services = [instantiated(load_service(text), text) for text in args.services]
    return Server(
        *services,
        host=args.host,
        port=args.port,
        threads=args.threads,
        tracebacks=args.tracebacks,
        # With workers the front has that port.
        metrics_port=args.metrics_port if args.worker_fd is None else None,
        metrics_host=args.metrics_host,
        tls=server_tls(args),
        tokens=args.tokens,
        insecure=args.insecure,
        **limits_of(args),
    )


def _set_up(server: Server) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        server.prepare()


def _say_metrics(url: str | None) -> None:
    """A port that was not chosen has to be told, at any level of the log."""
    if url is not None:
        from pyrpc.server.events import tell

        log = logging.getLogger("pyrpc.metrics")
        tell(log, max(logging.INFO, log.getEffectiveLevel()), "metrics", url=url)


def _say_ready(endpoint: str) -> None:
    # Who started this node may never read on: a stage that prints would block in the end. And it may be called before
    # the line is out, so this comes first.
    out, sys.stdout = sys.stdout, sys.stderr
    print(f"listening on {endpoint}", file=out, flush=True)
