"""Every error of pyrpc, in one tree.

::

    PyrpcError                         fault    may have run   failure class
    |- CallerError
    |  |- UnknownMethodError (LookupError)      caller   no      FINAL
    |  |- ArgumentError (TypeError)             caller   no      FINAL
    |  |- ContractError (ValueError)            caller   no      FINAL
    |  |- LengthMismatchError (ValueError)      caller   no      FINAL
    |  |- UnsupportedTypeError (TypeError)      caller   no      FINAL
    |  |- TooLargeError (ValueError)            caller   no      FINAL
    |  |- ConfigError (ValueError)              caller   no      FINAL
    |  |- AuthError (PermissionError)           caller   no      FINAL
    |  `- UnknownRefError (LookupError)         caller   no      FINAL
    |- StageError
    |  |- StageFailedError                      stage    yes     FINAL
    |  `- BadResultError                        stage    yes     FINAL
    |- NodeError
    |  |- UnreachableError (ConnectionError)    network  no      NOT_EXECUTED
    |  |- ConnectionLostError (ConnectionError) network  yes     UNKNOWN
    |  |- TlsError (ConnectionError)            network  no      NOT_EXECUTED
    |  |- ProtocolError                         node     yes     FINAL
    |  |- ChecksumError
    |  |  |- CallChecksumError                  network  no      NOT_EXECUTED
    |  |  `- ReplyChecksumError                 network  yes     UNKNOWN
    |  |- OverloadedError                       node     no      NOT_EXECUTED
    |  |- DrainingError                         node     no      NOT_EXECUTED
    |  |- WorkerLostError                       node     yes     UNKNOWN
    |  `- InternalError                         node     yes     FINAL
    |- DeadlineExceeded (TimeoutError)          caller   yes     UNKNOWN
    |- ExpiredError (TimeoutError)              caller   no      NOT_EXECUTED
    `- CancelledError                           caller   yes     FINAL

Code that decides whether to try again asks ``error.failure_class``, never the text. A subclass may be caught by
its builtin base too: ``except TimeoutError`` catches DeadlineExceeded.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Fault(enum.Enum):
    """Who has to change something."""

    CALLER = "caller"
    STAGE = "stage"
    NODE = "node"
    NETWORK = "network"


class FailureClass(enum.Enum):
    """What a failed attempt says about trying again.

    NOT_EXECUTED (A) may always be tried elsewhere. UNKNOWN (B) may be tried again only where a second run does no
    harm. FINAL (C) is the answer: another try gives the same.
    """

    NOT_EXECUTED = "A"
    UNKNOWN = "B"
    FINAL = "C"


class PyrpcError(Exception):
    """Root of all errors that pyrpc raises on purpose.

    Parameters
    ----------
    message : str
        What happened, in one sentence.
    expected, got : str, optional
        The two sides of a mismatch.
    endpoint : str, optional
        ``host:port`` of the node that was asked.
    help : str, optional
        What to do about it.
    remote_traceback : str, optional
        The traceback on the node, as text.
    retry_after_ms : int, optional
        The node asks to wait that long, in milliseconds.
    """

    fault: ClassVar[Fault] = Fault.NODE
    may_have_run: ClassVar[bool] = True
    failure_class: ClassVar[FailureClass] = FailureClass.FINAL

    def __init__(
        self,
        message: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        endpoint: str | None = None,
        attempt: int | None = None,
        help: str | None = None,
        remote_traceback: str | None = None,
        remote_type: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.got = got
        self.endpoint = endpoint
        self.attempt = attempt
        self.help = help
        self.remote_traceback = remote_traceback
        self.remote_type = remote_type
        self.retry_after_ms = retry_after_ms

    @property
    def class_name(self) -> str:
        """The name of its class, or of the one in this module that it is a case of: parts of pyrpc have finer ones."""
        return next(kind.__name__ for kind in type(self).__mro__ if kind.__module__ == __name__)

    def summary(self) -> str:
        """The error in one line: what, expected, got, endpoint, attempt."""
        parts = [self.message]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        if self.endpoint is not None:
            parts.append(f"node {self.endpoint}")
        if self.attempt is not None:
            parts.append(f"attempt {self.attempt}")
        return "; ".join(parts)

    def __str__(self) -> str:
        lines = [self.summary()]
        if self.help:
            lines.append(f"help: {self.help}")
        if self.remote_traceback:
            lines.append("traceback on the node:\n" + self.remote_traceback.rstrip())
        return "\n".join(lines)

    # Exceptions cross process pools by pickling; keyword arguments would get lost without this.
    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__.copy()))


def _rebuild(cls: type[PyrpcError], message: str, state: dict[str, object]) -> PyrpcError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class CallerError(PyrpcError):
    """The call as it was made cannot work; nothing ran."""

    fault = Fault.CALLER
    may_have_run = False


class UnknownMethodError(CallerError, LookupError):
    """No such service, method or stage; help names the nearest."""


class ArgumentError(CallerError, TypeError):
    """Wrong count, names or types of arguments."""


class ContractError(CallerError, ValueError):
    """An array's dtype or shape does not fit what the stage declares."""


class LengthMismatchError(CallerError, ValueError):
    """The arrays of one map or reduce have different numbers of rows."""


class UnsupportedTypeError(CallerError, TypeError):
    """A type or dtype that does not travel (object arrays, sets, integers over 64 bits ...)."""


class TooLargeError(CallerError, ValueError):
    """Over a limit: frame, chunk, container, nesting, name."""


class ConfigError(CallerError, ValueError):
    """An option, endpoint, policy or declaration that makes no sense."""


class AuthError(CallerError, PermissionError):
    """The token is missing or wrong, or does not give the right to this stage (``is_denied``)."""

    is_denied: bool = False


class UnknownRefError(CallerError, LookupError):
    """A reference to data that the node does not hold (any more)."""


class StageError(PyrpcError):
    """The stage ran, and what it did is at fault."""

    fault = Fault.STAGE


class StageFailedError(StageError):
    """The stage raised. ``remote_type`` and ``remote_traceback`` tell what and where."""


class BadResultError(StageError):
    """The stage gave another number of rows, dtype or shape than it must."""


class NodeError(PyrpcError):
    """The node or the way to it is at fault."""


class UnreachableError(NodeError, ConnectionError):
    """No connection, or it broke before the call was sent whole: nothing ran."""

    fault = Fault.NETWORK
    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class ConnectionLostError(NodeError, ConnectionError):
    """The connection broke after the call was sent: it may have run."""

    fault = Fault.NETWORK
    failure_class = FailureClass.UNKNOWN


class TlsError(NodeError, ConnectionError):
    """No TLS session: a certificate does not hold, or one end speaks TLS and the other does not. Nothing ran."""

    fault = Fault.NETWORK
    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class ProtocolError(NodeError):
    """Bytes that are not the Thrift message they should be."""


class ChecksumError(NodeError):
    """The data of an array is not what was sent: its CRC32C differs."""

    fault = Fault.NETWORK


class CallChecksumError(ChecksumError):
    """An array changed on its way to the node, which noticed: nothing ran."""

    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class ReplyChecksumError(ChecksumError):
    """An array changed on its way back."""

    failure_class = FailureClass.UNKNOWN


class OverloadedError(NodeError):
    """The node has too much to do; ``retry_after_ms`` tells when to come back."""

    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class DrainingError(NodeError):
    """The node is going away and takes no new work."""

    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class WorkerLostError(NodeError):
    """The worker process died while the call ran."""

    failure_class = FailureClass.UNKNOWN


class InternalError(NodeError):
    """A fault of pyrpc itself; please report it."""


class DeadlineExceeded(PyrpcError, TimeoutError):
    """The time given with ``timeout_s`` is over; the call may have run."""

    fault = Fault.CALLER
    failure_class = FailureClass.UNKNOWN


class ExpiredError(PyrpcError, TimeoutError):
    """The node got the call after its time was over and did not start it."""

    fault = Fault.CALLER
    may_have_run = False
    failure_class = FailureClass.NOT_EXECUTED


class CancelledError(PyrpcError):
    """The job or call was cancelled."""

    fault = Fault.CALLER
