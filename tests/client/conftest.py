"""Nodes in this process, for tests of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pyrpc import Client, Server

Cluster = Callable[..., Client]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """``cluster(n, *services, **options of the client)``: n nodes that host the services, and a client of them."""
    with ExitStack() as stack:

        def start(count: int, *services: object, threads: int = 8, **options: object) -> Client:
            servers = [stack.enter_context(Server(*services, port=0, threads=threads)) for _ in range(count)]
            endpoints = [server.endpoint for server in servers]
            return stack.enter_context(Client(endpoints, **options))  # type: ignore[arg-type]

        yield start
