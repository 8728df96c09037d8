"""``pyrpc serve``: a node on this machine, in one process or several."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from typing import TYPE_CHECKING

from pyrpc.cli.parser import byte_count, count, port, seconds
from pyrpc.cli.security import add_server_security, server_tls
from pyrpc.errors import ConfigError

if TYPE_CHECKING:
    from pyrpc.server import Server

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
        "--max-frame-bytes", type=byte_count, metavar="N", help="largest message taken (default: 1 GiB)"
    )
    parser.add_argument(
        "--tracebacks",
        action=argparse.BooleanOptionalAction,
        help="whether callers see the tracebacks of stages that raise (default: only on this machine)",
    )
    parser.add_argument(
        "--grace", type=seconds, default=25.0, metavar="S", help="seconds for running calls at the end (default: 25)"
    )
    add_server_security(parser)
    parser.add_argument("--worker-fd", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING,
        format=f"%(asctime)s %(levelname)s %(name)s{'' if args.worker_fd is None else '[%(process)d]'}: %(message)s",
    )
    if args.worker_fd is not None:
        return _run_worker(args)
    return _run_front(args) if args.workers > 1 else _run_alone(args)


def _run_alone(args: argparse.Namespace) -> int:
    from pyrpc.cli.signals import StopSignals

    server = _server(args)
    # Until it is ready SIGTERM ends it at once, as during the imports.
    _set_up(server)
    signals = StopSignals()
    server.start()
    _say_ready(server.endpoint)
    signals.wait()
    server.stop(args.grace)
    return 0


def _run_front(args: argparse.Namespace) -> int:
    import signal

    from pyrpc.cli.signals import StopSignals
    from pyrpc.server.workers import WorkerFront, worker_command
    from pyrpc.transport.endpoint import Endpoint, default_port

    wanted = Endpoint(args.host, default_port() if args.port is None else args.port)
    front = WorkerFront(wanted, worker_command(args.argv), args.workers)
    # Until the workers are ready nothing runs that could be finished: SIGTERM ends it all, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    front.start()
    signals = StopSignals(on_second=front.kill)
    _say_ready(str(front.endpoint))
    signals.wait()
    front.stop(args.grace)
    return 0


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
    limit = {} if args.max_frame_bytes is None else {"max_frame_bytes": args.max_frame_bytes}
    return Server(
        *services,
        host=args.host,
        port=args.port,
        threads=args.threads,
        tracebacks=args.tracebacks,
        tls=server_tls(args),
        tokens=args.tokens,
        insecure=args.insecure,
        **limit,
    )


def _set_up(server: Server) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        server.prepare()


def _say_ready(endpoint: str) -> None:
    # Who started this node may never read on: a stage that prints would block in the end. And it may be called before
    # the line is out, so this comes first.
    out, sys.stdout = sys.stdout, sys.stderr
    print(f"listening on {endpoint}", file=out, flush=True)
