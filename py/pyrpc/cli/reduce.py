"""``pyrpc reduce``: a stage over the rows of files, folded into one value."""

from __future__ import annotations

import argparse

from pyrpc.cli.job import add_job_arguments, run_job, summary
from pyrpc.cli.parser import VALUES_HELP, add_json

NAME = "reduce"
HELP = "run a stage over rows of arrays in files and fold what it gives into one value"

_EPILOG = f"""\
The stage gives one value for each chunk of rows: an array, a number, or a list or dict of such. They are folded in
the order of the rows; the bits of the result do not depend on how many nodes there are.

{VALUES_HELP}
-k passes values and whole arrays to every chunk.

examples:
  pyrpc reduce h1:9090,h2:9090 Stats.total rows.npy
  pyrpc reduce h1:9090,h2:9090 Model.gradient images.npy labels.npy -k weights=@w.npy --op mean -o gradient.npy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc reduce``."""
    parser.epilog = _EPILOG
    add_job_arguments(parser)
    parser.add_argument(
        "--op", choices=("sum", "mean"), default="sum", help="mean weighs each chunk by its rows (default: sum)"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="save the result in place of printing it: .npy, .npz, .json, or -"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Reduce, show or save the result, and tell on stderr what went where."""
    from pyrpc.cli import failures, output

    if args.output is not None:
        output.check_target(args.output)
    result, receipt = run_job(
        args, lambda client, arrays, options: client.reduce_async(args.stage, *arrays, op=args.op, **options)
    )
    failures.write(summary(receipt, args.receipt))
    if args.output is None:
        print(output.json_of(result) if args.json else output.text_of(result))
    else:
        failures.write(output.save(args.output, result))
    return failures.OK
