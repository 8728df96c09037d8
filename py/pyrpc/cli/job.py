"""What ``pyrpc map`` and ``pyrpc reduce`` share: arrays from files, options, progress, the receipt."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyrpc.cli.parser import add_checksums, add_endpoints, add_named, add_timeout, byte_count, count, endpoints_of

if TYPE_CHECKING:
    from pyrpc.client import Client
    from pyrpc.client.job import Job
    from pyrpc.client.receipt import Receipt

# Makes a job of a client, its arrays and its options.
Begin = Callable[["Client", list[Any], dict[str, Any]], "Job"]


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """What to run over which rows, and how."""
    add_endpoints(parser)
    parser.add_argument("stage", metavar="STAGE", help="Class.method, module.function or function; see pyrpc ls")
    parser.add_argument("inputs", nargs="+", metavar="IN.npy", help="arrays to split by rows, all at the same rows")
    add_named(parser)
    parser.add_argument("--chunk-rows", type=count, metavar="N", help="rows a node gets at once")
    parser.add_argument("--chunk-bytes", type=byte_count, metavar="N", help="bytes a node gets at once, e.g. 4M")
    parser.add_argument(
        "--window",
        type=count,
        default=2,
        metavar="N",
        help="chunks in flight on each node; more for nodes with --workers (default: 2)",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show how far it is, on standard error (default: on a terminal)",
    )
    parser.add_argument("--receipt", action="store_true", help="tell what each node did, on standard error")
    add_timeout(parser, "none")
    add_checksums(parser)


def run_job(args: argparse.Namespace, begin: Begin) -> tuple[Any, Receipt]:
    """Run a job to its end.

    Raises
    ------
    PyrpcError
    """
    from pyrpc.cli.progress import progress_shown
    from pyrpc.cli.security import client_security
    from pyrpc.cli.values import parse_named, read_array
    from pyrpc.client import Client

    arrays = [read_array(path.removeprefix("@")) for path in args.inputs]
    options = {"chunk_rows": args.chunk_rows, "chunk_bytes": args.chunk_bytes, "timeout_s": args.timeout}
    named = parse_named(args.named)
    with (
        Client(endpoints_of(args), window=args.window, checksums=args.checksums, **client_security(args)) as client,
        progress_shown(args.stage, args.progress) as progress,
    ):
        job = begin(client, arrays, {**options, "progress": progress, **named})
        try:
            return job.result(), job.receipt
        except KeyboardInterrupt:
            job.cancel()
            raise


def summary(receipt: Receipt, is_full: bool) -> str:
    """The receipt in one line, or with a line for each node."""
    text = str(receipt)
    return text if is_full else text.splitlines()[0]
