"""Error codes of the wire <-> exceptions of pyrpc.errors. SPEC.md has the same table for other languages."""

from __future__ import annotations

import enum

from pyrpc import errors
from pyrpc.wire.messages import RpcError


class ErrorCode(enum.IntEnum):
    """The numbers of the IDL's enum of the same name; a test compares them."""

    UNKNOWN_METHOD = 1
    BAD_ARGUMENT = 2
    CONTRACT_VIOLATED = 3
    UNSUPPORTED_TYPE = 4
    TOO_LARGE = 5
    MALFORMED = 6
    UNAUTHENTICATED = 7
    PERMISSION_DENIED = 8
    STAGE_FAILED = 9
    BAD_RESULT = 10
    OVERLOADED = 11
    DRAINING = 12
    EXPIRED = 13
    CANCELLED = 14
    UNKNOWN_REF = 15
    INTERNAL = 16
    WORKER_LOST = 17
    BAD_CHECKSUM = 18


_CLASSES: dict[ErrorCode, type[errors.PyrpcError]] = {
    ErrorCode.UNKNOWN_METHOD: errors.UnknownMethodError,
    ErrorCode.BAD_ARGUMENT: errors.ArgumentError,
    ErrorCode.CONTRACT_VIOLATED: errors.ContractError,
    ErrorCode.UNSUPPORTED_TYPE: errors.UnsupportedTypeError,
    ErrorCode.TOO_LARGE: errors.TooLargeError,
    ErrorCode.MALFORMED: errors.ProtocolError,
    ErrorCode.UNAUTHENTICATED: errors.AuthError,
    ErrorCode.PERMISSION_DENIED: errors.AuthError,
    ErrorCode.STAGE_FAILED: errors.StageFailedError,
    ErrorCode.BAD_RESULT: errors.BadResultError,
    ErrorCode.OVERLOADED: errors.OverloadedError,
    ErrorCode.DRAINING: errors.DrainingError,
    ErrorCode.EXPIRED: errors.ExpiredError,
    ErrorCode.CANCELLED: errors.CancelledError,
    ErrorCode.UNKNOWN_REF: errors.UnknownRefError,
    ErrorCode.INTERNAL: errors.InternalError,
    ErrorCode.WORKER_LOST: errors.WorkerLostError,
    ErrorCode.BAD_CHECKSUM: errors.CallChecksumError,
}
# The first code wins where two lead to one class (AuthError; its is_denied tells the other).
_CODES = {cls: code for code, cls in reversed(_CLASSES.items())}


def code_of(error: errors.PyrpcError) -> ErrorCode:
    """The code an exception travels under; INTERNAL for one that has none of its own."""
    if isinstance(error, errors.AuthError) and error.is_denied:
        return ErrorCode.PERMISSION_DENIED
    for cls in type(error).__mro__:
        if cls in _CODES:
            return _CODES[cls]
    if isinstance(error, errors.CallerError):
        return ErrorCode.BAD_ARGUMENT
    return ErrorCode.INTERNAL


def to_wire(error: errors.PyrpcError) -> RpcError:
    """The exception as it travels."""
    return RpcError(
        code=code_of(error),
        message=_clean(error.message) or "",
        help=_clean(error.help),
        retry_after_ms=error.retry_after_ms,
        remote_traceback=_clean(error.remote_traceback),
        remote_type=_clean(error.remote_type),
        expected=_clean(error.expected),
        got=_clean(error.got),
    )


def _clean(text: str | None) -> str | None:
    """Text that can be sent, whatever a stage put into its error: lone surrogates are shown as escapes."""
    return text if text is None else str(text).encode(errors="backslashreplace").decode()


def from_wire(failure: RpcError, endpoint: str | None = None) -> errors.PyrpcError:
    """The exception that a caller raises; a code newer than this client is an InternalError that names it."""
    try:
        cls: type[errors.PyrpcError] = _CLASSES[ErrorCode(failure.code)]
        message = failure.message
    except ValueError:
        cls, message = errors.InternalError, f"{failure.message} (error code {failure.code}, unknown to this client)"
    error = cls(
        message,
        expected=failure.expected,
        got=failure.got,
        endpoint=endpoint,
        help=failure.help,
        remote_traceback=failure.remote_traceback,
        remote_type=failure.remote_type,
        retry_after_ms=failure.retry_after_ms,
    )
    if isinstance(error, errors.AuthError):
        error.is_denied = failure.code == ErrorCode.PERMISSION_DENIED
    return error
