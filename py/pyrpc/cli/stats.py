"""``pyrpc stats``: what the nodes have done."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pyrpc.cli.parser import add_endpoints, add_json, add_timeout

if TYPE_CHECKING:
    from pyrpc.wire.messages import BatchStats, NodeStats, Percentiles

NAME = "stats"
HELP = "show what the nodes have done: calls, errors, rows and time"

_EPILOG = """\
Counted since the node started. busy 2/8 +3: two calls run, eight may, three wait.
p50, p95, p99: half of the calls, 95 and 99 of 100 ran at most so long; at the right the same of what they
waited before, for a turn or for the other calls of their batch. About: it is kept as a histogram.
A node with --workers answers for one of its processes.
Exit code 3 if a node does not answer; the others are shown all the same.

examples:
  pyrpc stats h1:9090,h2:9090
  watch pyrpc stats -
  pyrpc stats - --json | jq '.[].stages'"""
_REASONS = ("full", "delay", "nobody else", "drain", "incompatible")
_NODE_COLUMNS = ("node", "state", ">pid", ">up", ">conns", ">busy", ">received", ">sent", "errors")
_TIMES = (">p50", ">p95", ">p99")
_WAITS = (">waited p50", ">p95", ">p99")
_STAGE_COLUMNS = ("stage", "node", ">calls", ">failed", ">rows", ">mean", *_TIMES, ">max", ">total", *_WAITS)
# Why they were sent, from "full" on.
_BATCH_COLUMNS = (
    "batched stage",
    "node",
    ">batches",
    ">calls",
    ">rows",
    *(f">{reason}" for reason in _REASONS),
    ">singly",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc stats``."""
    parser.epilog = _EPILOG
    add_endpoints(parser)
    add_json(parser)
    add_timeout(parser, "5")
    parser.set_defaults(timeout=5.0)


def run(args: argparse.Namespace) -> int:
    """Ask every node for its counters and show them."""
    import json

    from pyrpc.cli.nodes import ask_each, failure_fields, report_silent
    from pyrpc.errors import PyrpcError

    answers = ask_each(args, lambda client, endpoint: client.stats()[endpoint])
    known = {node: stats for node, stats in answers.items() if not isinstance(stats, PyrpcError)}
    if args.json:
        shown = {
            node: failure_fields(stats) if isinstance(stats, PyrpcError) else _fields(stats)
            for node, stats in answers.items()
        }
        print(json.dumps(shown, indent=2))
    elif known:
        _print_tables(known)
    return report_silent(answers, is_verbose=args.verbose)


def _print_tables(nodes: dict[str, NodeStats]) -> None:
    from pyrpc.cli.tables import print_table

    print_table(_NODE_COLUMNS, [_node_row(node, stats) for node, stats in nodes.items()])
    rows = sorted(row for node, stats in nodes.items() for row in _stage_rows(node, stats))
    if rows:
        print()
        print_table(_STAGE_COLUMNS, rows)
    batches = sorted(row for node, stats in nodes.items() for row in _batch_rows(node, stats))
    if batches:
        print()
        print_table(_BATCH_COLUMNS, batches)


def _node_row(node: str, stats: NodeStats) -> list[str]:
    from pyrpc.cli.tables import byte_text, time_text

    return [
        node,
        stats.node.state.name.lower(),
        str(stats.node.pid),
        time_text(stats.uptime_s),
        str(stats.connections),
        f"{stats.load.in_flight}/{stats.node.threads}" + (f" +{stats.load.queued}" if stats.load.queued else ""),
        byte_text(stats.bytes_received),
        byte_text(stats.bytes_sent),
        ", ".join(f"{count} {code}" for code, count in sorted(stats.errors.items())) or "-",
    ]


def _stage_rows(node: str, stats: NodeStats) -> list[list[str]]:
    from pyrpc.cli.failures import printable
    from pyrpc.cli.tables import time_text

    return [
        [
            printable(name),
            node,
            str(stage.calls),
            str(stage.errors),
            str(stage.rows),
            time_text(stage.total_us / max(stage.calls, 1) / 1e6),
            *_times(stage.run),
            time_text(stage.max_us / 1e6),
            time_text(stage.total_us / 1e6),
            *_times(stage.queue),
        ]
        for name, stage in stats.stages.items()
    ]


def _times(found: Percentiles | None) -> list[str]:
    from pyrpc.cli.tables import time_text

    if found is None:
        # Nothing ran, or a node of a version before.
        return ["-"] * 3
    return [time_text(us / 1e6) for us in (found.p50_us, found.p95_us, found.p99_us)]


def _batch_rows(node: str, stats: NodeStats) -> list[list[str]]:
    from pyrpc.cli.failures import printable

    return [
        [printable(name), node, *map(str, _batch_counts(stage.batches))]
        for name, stage in stats.stages.items()
        if stage.batches is not None
    ]


def _batch_counts(batches: BatchStats) -> tuple[int, ...]:
    reasons = (batches.full, batches.delay, batches.nobody_else, batches.drain, batches.incompatible)
    return batches.batches, batches.calls, batches.rows, *reasons, batches.ran_singly


def _fields(stats: NodeStats) -> dict[str, Any]:
    from dataclasses import asdict

    fields = asdict(stats)
    fields["node"]["state"] = stats.node.state.name
    return fields
