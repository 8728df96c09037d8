"""The parser of the command line: options and arguments in any order, errors in one line."""

from __future__ import annotations

import argparse
import math
import re
from typing import NoReturn

from pyrpc.cli.security import add_client_security
from pyrpc.errors import ConfigError

ENDPOINTS_HELP = (
    "host:port, several with commas between; - for what PYRPC_ENDPOINTS says, or else the node on this machine"
)
VALUES_HELP = """\
values:
  JSON:   1   2.5   "text"   [1, 2]   {"a": 1}   true   null
  files:  @x.npy (an array)   @x.npz (arrays by name)   @x.json   @anything.else (its bytes)
          @- for an array, or else bytes, on standard input
  any other word is taken as text; text that begins with @ is written '"@..."'"""

_BYTE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Parser(argparse.ArgumentParser):
    """Says what is wrong by raising ConfigError."""

    def __init__(self, prog: str, description: str, epilog: str = "", usage: str | None = None) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # An option that is added later must not change what a script means.
            allow_abbrev=False,
        )
        # By itself argparse takes -1e5 for an option.
        self._negative_number_matcher = re.compile(r"^-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^-Infinity$")

    def error(self, message: str) -> NoReturn:
        """Called by argparse for whatever it cannot read."""
        raise ConfigError(message, help=f"{self.prog} --help shows how it is used")


def add_endpoints(parser: argparse.ArgumentParser) -> None:
    """Which nodes to ask, and how to make sure of them."""
    parser.add_argument("endpoints", metavar="ENDPOINTS", help=ENDPOINTS_HELP)
    add_client_security(parser)


def add_timeout(parser: argparse.ArgumentParser, default: str) -> None:
    """How long to wait."""
    parser.add_argument("--timeout", type=seconds, metavar="S", help=f"seconds for all of it (default: {default})")


def add_checksums(parser: argparse.ArgumentParser) -> None:
    """Whether arrays are checked."""
    parser.add_argument("--checksums", action="store_true", help="check that no array changes on its way (CRC32C)")


def add_named(parser: argparse.ArgumentParser) -> None:
    """Arguments passed by name."""
    parser.add_argument(
        "-k",
        dest="named",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="pass an argument by name; may be repeated",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Output for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def endpoints_of(args: argparse.Namespace) -> str | None:
    """The nodes as Client wants them."""
    named: str = args.endpoints
    return None if named == "-" else named


def seconds(text: str) -> float:
    """A time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, at least 1")
    return int(text)


def byte_count(text: str) -> int:
    """A number of bytes: 1048576, 1024K, 1M, 1MiB ..."""
    match = re.fullmatch(r"(\d+)\s*([kmg]?)(i?b)?", text.lower())
    if match is None or int(match[1]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes such as 65536, 512K or 8M")
    return int(match[1]) * _BYTE_UNITS[match[2]]


def port(text: str) -> int:
    """A port; 0 for a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
