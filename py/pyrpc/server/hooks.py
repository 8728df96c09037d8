"""Runs the ``setup`` and ``close`` of services, once for each process that serves."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

from pyrpc.errors import ConfigError
from pyrpc.stage.hooks import Hooks

_log = logging.getLogger("pyrpc.node")


class ServiceHooks:
    """The hooks of all services of a node; used by one thread at a time.

    Parameters
    ----------
    services : sequence of Hooks
        In the order in which they are set up; they are closed in the opposite one.
    """

    def __init__(self, services: Sequence[Hooks]) -> None:
        self._services = services
        self._is_set_up = False
        self._open: list[Hooks] = []

    def __bool__(self) -> bool:
        """Whether there is anything to run."""
        return bool(self._services)

    def set_up(self) -> None:
        """Run every ``setup``; the second time nothing.

        Raises
        ------
        ConfigError
            One of them raised. The services that were set up before it are closed then; it is not.
        """
        if self._is_set_up:
            return
        self._is_set_up = True
        for hooks in self._services:
            try:
                if hooks.setup is not None:
                    hooks.setup()
            except (Exception, SystemExit) as error:
                self.close()
                raise _failure(hooks.service, error) from error
            except BaseException:
                self.close()
                raise
            self._open.append(hooks)

    def close(self) -> None:
        """Run every ``close`` of what was set up; one that raises is logged and keeps nobody from the next."""
        self._is_set_up = False
        while self._open:
            hooks = self._open.pop()
            try:
                if hooks.close is not None:
                    hooks.close()
            except (Exception, SystemExit):
                _log.exception("close of %s failed", hooks.service)


def _failure(service: str, error: BaseException) -> ConfigError:
    is_exit = isinstance(error, SystemExit)
    reason = (
        f"it calls sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    )
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    frames = traceback.extract_tb(inner)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return ConfigError(
        f"setup of {service} failed: {reason}{place}",
        help="raise an error that says what is missing" if is_exit else None,
        remote_traceback="".join(traceback.format_exception(type(error), error, inner)),
    )
