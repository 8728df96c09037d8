"""``pyrpc map``: a stage over the rows of files, on all nodes."""

from __future__ import annotations

import argparse

from pyrpc.cli.job import add_job_arguments, run_job, summary
from pyrpc.cli.parser import VALUES_HELP

NAME = "map"
HELP = "run a stage over all rows of arrays in files, on all nodes"

_EPILOG = f"""\
The inputs are mapped into memory, not loaded: they may be larger than it. Each node gets chunks of rows; the result
has one row for each, in order. A node that dies costs time and no rows.

{VALUES_HELP}
-k passes values and whole arrays to every chunk.

examples:
  pyrpc map - Vision.extract images.npy -o features.npy
  pyrpc map h1:9090,h2:9090 Vision.extract images.npy -o features.npy --receipt
  pyrpc map h1:9090,h2:9090 Model.predict images.npy depths.npy -k weights=@weights.npy -o labels.npy
  pyrpc map - Audio.split sounds.npy -o parts.npz --chunk-rows 100    a tuple of arrays in one file
  pyrpc map - Audio.split sounds.npy -o parts.npy                     ... or in parts_0.npy, parts_1.npy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc map``."""
    parser.epilog = _EPILOG
    add_job_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="where to save the result: .npy (several arrays: out_0.npy ...), .npz, .json, or - for standard output",
    )


def run(args: argparse.Namespace) -> int:
    """Map, save, and tell on stderr what went where."""
    from pyrpc.cli import failures, output

    output.check_target(args.output)
    result, receipt = run_job(args, lambda client, arrays, options: client.map_async(args.stage, *arrays, **options))
    saved = output.save(args.output, result)
    failures.write(summary(receipt, args.receipt))
    failures.write(saved)
    return failures.OK
