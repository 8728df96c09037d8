"""``pyrpc ping``: which nodes answer, and how fast."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from pyrpc.cli.parser import add_endpoints, add_json, add_timeout

if TYPE_CHECKING:
    from pyrpc.client import Client
    from pyrpc.wire.messages import NodeInfo

NAME = "ping"
HELP = "check that all nodes answer"

_EPILOG = """\
Exit code 0 if all of them answer, 3 if one does not.

examples:
  pyrpc ping h1:9090,h2:9090
  until pyrpc ping - 2>/dev/null; do sleep 1; done    wait for a node"""
_COLUMNS = ("node", "state", ">answers in", "version", ">pid", ">threads", ">max frame")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc ping``."""
    parser.epilog = _EPILOG
    add_endpoints(parser)
    add_json(parser)
    add_timeout(parser, "5")
    parser.set_defaults(timeout=5.0)


def run(args: argparse.Namespace) -> int:
    """Ping every node."""
    import json

    from pyrpc.cli.nodes import ask_each, failure_fields, report_silent
    from pyrpc.cli.tables import print_table
    from pyrpc.errors import PyrpcError

    answers = ask_each(args, _ping)
    if args.json:
        shown = {
            node: failure_fields(answer) if isinstance(answer, PyrpcError) else _fields(*answer)
            for node, answer in answers.items()
        }
        print(json.dumps(shown, indent=2))
    elif rows := [_row(node, *answer) for node, answer in answers.items() if not isinstance(answer, PyrpcError)]:
        print_table(_COLUMNS, rows)
    return report_silent(answers, is_verbose=args.verbose)


def _ping(client: Client, endpoint: str) -> tuple[NodeInfo, float]:
    # The first one opens the connection.
    client.ping()
    began = time.perf_counter()
    info = client.ping()[endpoint]
    return info, time.perf_counter() - began


def _row(node: str, info: NodeInfo, took_s: float) -> list[str]:
    from pyrpc.cli.tables import byte_text, time_text

    return [
        node,
        info.state.name.lower(),
        time_text(took_s),
        info.version,
        str(info.pid),
        str(info.threads),
        byte_text(info.max_frame_bytes),
    ]


def _fields(info: NodeInfo, took_s: float) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(info), "state": info.state.name, "answered_in_s": took_s}
