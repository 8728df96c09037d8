"""The limits of a node on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from pyrpc.cli.parser import byte_count, count, seconds


def add_limits(parser: argparse.ArgumentParser) -> None:
    """How much a node takes on, and how long it waits for its callers."""
    group = parser.add_argument_group("limits", "what is over them is refused; the guide has the table")
    group.add_argument("--max-frame-bytes", type=byte_count, metavar="N", help="largest message taken (default: 1 GiB)")
    group.add_argument(
        "--max-bytes-in-flight",
        type=byte_count,
        metavar="N",
        help="bytes of requests that wait or run, in all workers (default: a quarter of the memory, at most 2 GiB)",
    )
    group.add_argument(
        "--max-queued",
        type=_count_or_0,
        metavar="N",
        help="calls that wait for their turn, per worker (default: 1024)",
    )
    group.add_argument(
        "--max-connections",
        type=count,
        metavar="N",
        help="connections, per worker; more wait to be accepted (default: 1024)",
    )
    group.add_argument(
        "--idle-timeout", type=seconds, metavar="S", help="close connections without calls after that (default: 300)"
    )
    group.add_argument(
        "--header-timeout", type=seconds, metavar="S", help="for the length of a message to arrive (default: 5)"
    )


def limits_of(args: argparse.Namespace) -> dict[str, Any]:
    """What Server is told of them."""
    names = ("max_frame_bytes", "max_bytes_in_flight", "max_queued", "max_connections")
    told: dict[str, Any] = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    times = {"idle_s": args.idle_timeout, "header_s": args.header_timeout}
    times = {name: value for name, value in times.items() if value is not None}
    if times:
        from pyrpc.transport.patience import Patience

        told["patience"] = Patience(**times)
    if args.workers > 1:
        from pyrpc.server.request_bytes import default_bytes_in_flight

        # The memory is that of all of them.
        most = told.get("max_bytes_in_flight") or default_bytes_in_flight()
        told["max_bytes_in_flight"] = max(1, most // args.workers)
    return told


def _count_or_0(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, at least 0")
    return int(text)
