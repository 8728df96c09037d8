"""``pyrpc ls``: what the nodes host."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pyrpc.cli.parser import add_endpoints, add_json, add_timeout, endpoints_of

if TYPE_CHECKING:
    from pyrpc.wire.messages import StageInfo

NAME = "ls"
HELP = "list what the nodes host: names, signatures, docstrings"

_EPILOG = """\
One of the nodes is asked. An array is shown as dtype[dims]; the same name is the same size, n is the rows.

examples:
  pyrpc ls -                                everything, with the first lines of each docstring
  pyrpc ls h1:9090 Vision                   one service, with all of each docstring
  pyrpc ls h1:9090 Vision.extract
  pyrpc ls - --json | jq '.[].name'"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc ls``."""
    parser.epilog = _EPILOG
    add_endpoints(parser)
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help="only this stage, or this class or module")
    add_json(parser)
    add_timeout(parser, "60")


def run(args: argparse.Namespace) -> int:
    """List the stages."""
    import json

    from pyrpc.cli.security import client_security
    from pyrpc.client import Client

    with Client(endpoints_of(args), timeout_s=args.timeout or 60.0, **client_security(args)) as client:
        stages = _chosen(client.stages(), args.names)
    if args.json:
        print(json.dumps([_fields(info) for info in stages], indent=2, ensure_ascii=False))
        return 0
    for index, info in enumerate(stages):
        if index:
            print()
        _print_stage(info, is_full=bool(args.names))
    return 0


def _chosen(stages: list[StageInfo], names: list[str]) -> list[StageInfo]:
    from pyrpc.stage.registry import unknown_method

    for name in names:
        if not any(_matches(info.name, name) for info in stages):
            raise unknown_method(name, [info.name for info in stages])
    return [info for info in stages if not names or any(_matches(info.name, name) for name in names)]


def _matches(stage: str, name: str) -> bool:
    return stage == name or stage.startswith(name + ".")


def _print_stage(info: StageInfo, *, is_full: bool) -> None:
    from pyrpc.cli.failures import harmless, printable
    from pyrpc.stage.describe import describe

    print(printable(describe(info)))
    marks = [name for name in ("idempotent", "splittable") if getattr(info, name)]
    marks += [f"not {name}" for name in ("idempotent", "splittable") if getattr(info, name) is False]
    doc = info.doc.strip() if is_full else info.doc.strip().partition("\n\n")[0]
    for line in doc.splitlines():
        print(f"    {harmless(line)}".rstrip())
    if marks:
        print(f"    ({', '.join(marks)})")


def _fields(info: StageInfo) -> dict[str, Any]:
    from dataclasses import asdict

    from pyrpc.stage.describe import describe

    fields = asdict(info)
    for param, shown in zip(info.params, fields["params"], strict=True):
        shown["kind"] = param.kind.name
    return {"name": info.name, "signature": describe(info), **fields}
