"""Methods that a node runs itself: ``setup`` before the first call, ``close`` after the last."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.stage.declare import declaration_of

HOOK_NAMES = ("setup", "close")

Hook = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What one service has to run.

    Attributes
    ----------
    service : str
        Its name on the node.
    owner : object
        The instance or module; hosted twice, it is set up once.
    """

    service: str
    owner: Any
    setup: Hook | None
    close: Hook | None


def is_hook(attribute: str, function: Any) -> bool:
    """Whether a method or function is one to run at the start or the end, and so no stage.

    By its name, if it can be called without arguments and ``@stage`` did not make it a stage.

    Raises
    ------
    ConfigError
        It is async: nobody would wait for it.
    """
    if attribute not in HOOK_NAMES or not callable(function) or declaration_of(function) is not None:
        return False
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(
            f"{getattr(function, '__qualname__', attribute)} is async, and the node calls it as a plain function",
            help="write it with def; asyncio.run(...) inside of it runs what is async",
        )
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True
