"""The command ``pyrpc``: finds the subcommand, runs it, and turns what it raises into lines and an exit code."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import cast

from pyrpc import __version__
from pyrpc.cli import failures
from pyrpc.cli.parser import Parser
from pyrpc.errors import ConfigError, PyrpcError

# Each is a module beside this one with NAME, HELP, add_arguments(parser) and run(args) -> exit code. What they need
# beyond the standard library they import in run, so that --help costs nothing.
COMMANDS = ("serve", "call", "map", "reduce", "ls", "stats", "ping", "drain", "idl", "bindings", "simulate", "demo")

_DESCRIPTION = "Host NumPy code on many nodes, and call it from anywhere."
_EPILOG = f"""\
examples:
  pyrpc serve vision.py:Vision                 host a class on 127.0.0.1:9090
  pyrpc ls -                                   what does the node on this machine host?
  pyrpc call - Vision.mean @photo.npy          call it once
  pyrpc map h1:9090,h2:9090 Vision.extract images.npy -o features.npy
                                               run it over all rows of a file, on two nodes
  pyrpc COMMAND --help                         more about a command, with examples

{failures.EXIT_CODES}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Without the program's name; by default those of this process.

    Returns
    -------
    int
        The exit code; see :data:`pyrpc.cli.failures.EXIT_CODES`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    is_verbose = "-v" in arguments or "--verbose" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a character is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except PyrpcError as error:
        failures.report(error, is_verbose=is_verbose)
        code = failures.exit_code(error)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Nothing may be written at the end of the interpreter either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = failures.BROKEN_PIPE
    except KeyboardInterrupt:
        failures.write("pyrpc: interrupted")
        code = failures.INTERRUPTED
    except Exception as error:
        failures.report_own_fault(error, is_verbose=is_verbose)
        code = failures.exit_code(error)
    return code


def _run(arguments: list[str]) -> int:
    commands = {module.NAME: module for module in map(_module, COMMANDS) if module is not None}
    if not arguments or arguments[0].startswith("-"):
        return _run_without_command(arguments, commands)
    name = arguments[0]
    if name not in commands:
        near = difflib.get_close_matches(name, commands, n=1)
        raise ConfigError(
            f"there is no command {name!r}",
            help=f"did you mean {near[0]}?" if near else f"there are {', '.join(commands)}; see pyrpc --help",
        )
    module = commands[name]
    parser = Parser(f"pyrpc {name}", module.HELP[:1].upper() + module.HELP[1:] + ".")
    # A command that tells more replaces the description and adds an epilog.
    module.add_arguments(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks, of the node too")
    try:
        args = parser.parse_intermixed_args(arguments[1:])
    except SystemExit as end:  # --help
        return cast(int, end.code)
    args.argv = arguments
    return cast(int, module.run(args))


def _run_without_command(arguments: list[str], commands: dict[str, ModuleType]) -> int:
    listed = "\n".join(f"  {name:<10}{module.HELP}" for name, module in commands.items())
    parser = Parser("pyrpc", f"{_DESCRIPTION}\n\ncommands:\n{listed}", _EPILOG, usage="pyrpc COMMAND ...")
    parser.add_argument("--version", action="version", version=f"pyrpc {__version__}")
    if not arguments:
        parser.print_help(sys.stderr)
        return failures.CALLER_FAULT
    try:
        parser.parse_args(arguments)
    except SystemExit as end:  # --help and --version
        return cast(int, end.code)
    raise ConfigError("there is no command", got=" ".join(arguments), help="see pyrpc --help")


def _module(name: str) -> ModuleType | None:
    full_name = f"pyrpc.cli.{name}"
    return importlib.import_module(full_name) if importlib.util.find_spec(full_name) else None
