"""The same question to every node, and what each of them answers or fails with."""

from __future__ import annotations

import argparse
import concurrent.futures
from collections.abc import Callable
from typing import TypeVar

from pyrpc.cli import failures
from pyrpc.cli.parser import endpoints_of
from pyrpc.cli.security import client_security
from pyrpc.client import Client
from pyrpc.errors import PyrpcError

T = TypeVar("T")

_AT_ONCE = 32


def ask_each(args: argparse.Namespace, ask: Callable[[Client, str], T]) -> dict[str, T | PyrpcError]:
    """What every endpoint answers, asked at the same time, in the order they were named.

    Raises
    ------
    ConfigError
        The endpoints cannot be read.
    """
    security = client_security(args)
    with Client(endpoints_of(args), **security) as client:
        endpoints = client.endpoints

    def one(endpoint: str) -> T | PyrpcError:
        # A client of its own: another node's answer must not stand for this one.
        with Client(endpoint, timeout_s=args.timeout, connect_timeout_s=args.timeout, **security) as client:
            try:
                return ask(client, endpoint)
            except PyrpcError as error:
                return error

    with concurrent.futures.ThreadPoolExecutor(min(len(endpoints), _AT_ONCE)) as pool:
        return dict(zip(endpoints, pool.map(one, endpoints), strict=True))


def report_silent(answers: dict[str, T | PyrpcError], *, is_verbose: bool) -> int:
    """Say which nodes did not answer, and give the exit code: 0 if all did."""
    silent = [answer for answer in answers.values() if isinstance(answer, PyrpcError)]
    for error in silent:
        failures.report(error, is_verbose=is_verbose)
    return failures.exit_code(silent[0]) if silent else failures.OK


def failure_fields(error: PyrpcError) -> dict[str, object]:
    """An error as JSON shows it."""
    return {"error": error.class_name, "message": error.summary(), "help": error.help}
