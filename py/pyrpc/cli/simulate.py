"""``pyrpc simulate``: what a job would take on nodes that are not there, policy by policy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pyrpc.cli.parser import add_json, count

if TYPE_CHECKING:
    from pyrpc.simulate.outcome import Outcome
    from pyrpc.simulate.scenario import Scenario
    from pyrpc.simulate.variants import Variant

NAME = "simulate"
HELP = "what a job would take on given nodes, under each policy"

_EPILOG = """\
The planner of Client.map runs as it is, on a clock that jumps from event to event: an hour of a hundred nodes takes
seconds. The same seed gives the same figures on every machine. What may stand in a scenario is in docs/scheduling.md;
examples/scenarios has some. A policy with /no_hedge at its end sends no straggler a second time.

lower bound    no schedule of these nodes ends before, good luck apart
x bound        how many times that the job took
p99            the time from sending a chunk to its reply, for all but the slowest hundredth
extra load     rows sent beyond those of the job
Exit code 3 if under some policy the job is not done.

examples:
  pyrpc simulate slow.toml
  pyrpc simulate slow.toml --policy min_max,pull --nodes 4 8 16
  pyrpc simulate --trace trace.json --plot what-if.png    from what receipt.save("trace.json") has written
  pyrpc simulate slow.toml --json | jq '.[].makespan_s'"""
_COLUMNS = ("policy", ">makespan", ">lower bound", ">x bound", ">p99", ">extra load", ">hedges", ">resends")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc simulate``."""
    parser.epilog = _EPILOG
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="a TOML file")
    parser.add_argument("--trace", metavar="TRACE", help="a receipt to make the scenario from, in place of a file")
    parser.add_argument(
        "--policy", metavar="A,B", help="what to compare, or all (default: what the scenario says, or else all)"
    )
    parser.add_argument("--seed", type=_whole, metavar="N", help="of all that is drawn (default: the scenario's)")
    parser.add_argument(
        "--nodes", type=count, nargs="+", metavar="N", help="so many nodes, in the proportions of the scenario"
    )
    parser.add_argument("--plot", metavar="OUT", help="draw it: .png, .svg or .pdf")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Simulate, and show what came of it."""
    import json

    from pyrpc.cli import failures

    if args.plot is not None:
        from pyrpc.cli.simulate_plot import check_plot

        check_plot(args.plot)
    plan = _plan(args)
    outcomes = _outcomes(plan, keep_attempts=args.plot is not None)
    if args.json:
        print(json.dumps([_fields(plan, outcome) for outcome in outcomes], indent=2))
    else:
        _print(plan, outcomes)
    if args.plot is not None:
        from pyrpc.cli.simulate_plot import save_plot

        save_plot(args.plot, outcomes, plan.measured_s)
    # What is on stderr comes after the table, also where both go to one file.
    sys.stdout.flush()
    unfinished = [f"{name_of(outcome)} ({outcome.state})" for outcome in outcomes if not outcome.is_done]
    if unfinished:
        failures.write(f"pyrpc: error: the job is not done under {', '.join(unfinished)}")
    return failures.NODE_FAULT if unfinished else failures.OK


class _Plan(NamedTuple):
    """What is to be simulated; measured_s is what the job of a trace took."""

    scenarios: list[Scenario]
    variants: Sequence[Variant]
    measured_s: float | None


def _plan(args: argparse.Namespace) -> _Plan:
    from dataclasses import replace

    from pyrpc.errors import ConfigError
    from pyrpc.simulate.variants import variants

    if (args.scenario is None) == (args.trace is None):
        got = "neither" if args.scenario is None else "both"
        raise ConfigError("what is to be simulated", expected="SCENARIO or --trace TRACE", got=got)
    scenario, compared, measured_s = _of_trace(args.trace) if args.trace else _of_file(args.scenario)
    if args.policy is not None:
        compared = variants(args.policy.split(","))
    if args.seed is not None:
        scenario = replace(scenario, seed=args.seed)
    counts = args.nodes or [len(scenario.nodes)]
    return _Plan(
        [scenario if count == len(scenario.nodes) else scenario.with_nodes(count) for count in counts],
        compared,
        measured_s,
    )


def _of_file(path: str) -> tuple[Scenario, Sequence[Variant], float | None]:
    from pyrpc.cli.toml_file import read_toml
    from pyrpc.simulate.form import scenario_from

    found = scenario_from(read_toml(path))
    return found.scenario, found.variants, None


def _of_trace(path: str) -> tuple[Scenario, Sequence[Variant], float | None]:
    import json
    from pathlib import Path

    from pyrpc.errors import ConfigError
    from pyrpc.simulate.calibrate import calibrate
    from pyrpc.simulate.variants import ALL, Variant

    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}", got=error.strerror or str(error)) from error
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON", got=str(error)) from error
    found = calibrate(data)
    first = Variant(found.scenario.policy)
    return found.scenario, (first, *(variant for variant in ALL if variant != first)), found.makespan_s


def _outcomes(plan: _Plan, *, keep_attempts: bool) -> list[Outcome]:
    from pyrpc.simulate.engine import simulate

    return [
        simulate(variant.of(scenario), keep_attempts=keep_attempts)
        for scenario in plan.scenarios
        for variant in plan.variants
    ]


def _fields(plan: _Plan, outcome: Outcome) -> dict[str, Any]:
    measured = {} if plan.measured_s is None else {"measured_s": plan.measured_s}
    return {**outcome.to_dict(), **measured}


def _print(plan: _Plan, outcomes: Sequence[Outcome]) -> None:
    from pyrpc.cli.tables import print_table

    if plan.measured_s is not None:
        print(f"measured: {_time(plan.measured_s)}\n")
    several = len(plan.scenarios) > 1
    columns = ("nodes", *_COLUMNS) if several else _COLUMNS
    print_table(
        [">" + column if column == "nodes" else column for column in columns],
        [[str(outcome.nodes), *_row(outcome)] if several else _row(outcome) for outcome in outcomes],
    )


def _row(outcome: Outcome) -> list[str]:
    is_done = outcome.is_done
    return [
        name_of(outcome),
        _time(outcome.makespan_s) if is_done else outcome.state,
        _time(outcome.lower_bound_s),
        f"{outcome.ratio:.3f}" if is_done else "-",
        _time(outcome.latency_s["p99"]),
        f"{100 * outcome.extra_load:.1f}%",
        str(outcome.hedges),
        str(outcome.resends),
    ]


def name_of(outcome: Outcome) -> str:
    """The variant it was, as it is written."""
    from pyrpc.simulate.variants import Variant

    return Variant(outcome.policy, outcome.hedge).name


def _time(seconds: float) -> str:
    """Fine enough to compare by: ``640.0 ms``, ``12.345 s``."""
    from math import isinf

    from pyrpc.cli.tables import time_text

    if isinf(seconds):
        return "never"
    return f"{seconds:.3f} s" if 0.9995 <= seconds < 1000 else time_text(seconds)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
