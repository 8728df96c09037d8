"""``pyrpc demo``: the main job on real pictures, on nodes that it starts on this machine."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from pyrpc.cli.progress import Progress, progress_shown
from pyrpc.cli.tables import print_table

NAME = "demo"
HELP = "run a real job over four nodes of this machine, and kill one of them"

_DESCRIPTION = """\
Starts nodes on free ports of this machine and runs a job on real pictures over them: preprocess, extract features,
train by gradients, predict what was held out. Checks that the result has the same bits as in one process; then
kills a node in the middle of a second run, and checks again. Takes about 20 seconds, and needs the extra
'examples': pip install 'pyrpc-thrift[examples]'."""
_MOST_NODES = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc demo``."""
    parser.description = _DESCRIPTION
    parser.add_argument(
        "--nodes",
        type=_node_count,
        default=4,
        metavar="N",
        help=f"how many nodes to start, 2 to {_MOST_NODES} (default: 4)",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("pyrpc-demo.png"),
        metavar="PATH",
        help="where to save the picture of what went where over time (default: pyrpc-demo.png)",
    )
    parser.add_argument(
        "--write-pictures",
        type=Path,
        metavar="FOLDER",
        help="only write the pictures, as FOLDER/7/0042.png, for a program of yours to read",
    )
    parser.add_argument("--quick", action="store_true", help="much less work: a few seconds")


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0: all results were equal, 1: they were not."""
    if args.write_pictures is not None:
        from pyrpc.demo.folder import write_pictures

        print(f"{write_pictures(args.write_pictures)} pictures in {args.write_pictures}")
        return 0
    from pyrpc.demo.show import Show

    return Show(args.nodes, args.picture, _Terminal(), is_quick=args.quick).run()


class _Terminal:
    """How the command line shows tables and progress."""

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        print_table(columns, rows)
        # The next line may be one about progress, on stderr.
        sys.stdout.flush()

    def progress(self, label: str) -> AbstractContextManager[Progress | None]:
        return progress_shown(f"{label:<10}", None)


def _node_count(text: str) -> int:
    # One is killed, and the job has to go on.
    if not text.isdecimal() or not 2 <= int(text) <= _MOST_NODES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 2 to {_MOST_NODES}")
    return int(text)
