"""``pyrpc call``: one call, its result as text or in a file."""

from __future__ import annotations

import argparse

from pyrpc.cli.parser import VALUES_HELP, add_checksums, add_endpoints, add_json, add_named, add_timeout, endpoints_of

NAME = "call"
HELP = "call a method once and print what it gives"

_EPILOG = f"""\
{VALUES_HELP}

The result is printed as JSON; an array as its dtype and shape and then as NumPy prints it.

examples:
  pyrpc call - Calculator.add 1 2
  pyrpc call - Text.search "two words" -k limit=10 -k tags='["a", "b"]'
  pyrpc call h1:9090 Vision.resize @photo.npy -k size='[64, 64]' -o small.npy
  pyrpc call h1:9090 Vision.decode @photo.png -o - | pyrpc call h2:9090 Vision.mean @-
  pyrpc call - Text.count @book.json --json | jq ."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc call``."""
    parser.epilog = _EPILOG
    add_endpoints(parser)
    parser.add_argument("method", metavar="METHOD", help="Class.method, module.function or function; see pyrpc ls")
    parser.add_argument("values", nargs="*", default=[], metavar="VALUE", help="arguments by position; see below")
    add_named(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="save the result: .npy (several arrays: out_0.npy ...), .npz, .json, or - for .npy on standard output",
    )
    add_json(parser)
    add_timeout(parser, "60")
    add_checksums(parser)


def run(args: argparse.Namespace) -> int:
    """Call, and show or save the result."""
    from pyrpc.cli import failures, output
    from pyrpc.cli.security import client_security
    from pyrpc.cli.values import parse_named, parse_value
    from pyrpc.client import Client

    if args.output is not None:
        output.check_target(args.output)
    values, named = [parse_value(text) for text in args.values], parse_named(args.named)
    with Client(endpoints_of(args), checksums=args.checksums, **client_security(args)) as client:
        result = client.call(args.method, *values, timeout_s=args.timeout, **named)
    if args.output is None:
        print(output.json_of(result) if args.json else output.text_of(result))
    else:
        failures.write(output.save(args.output, result))
    return failures.OK
