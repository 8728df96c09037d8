"""What a node tells of itself in its log: one line an event, fields by name, never a payload and never a token.

A record's message is the event and its fields as text; ``record.pyrpc`` has them as a dict, for formatters
(cli/logs.py writes JSON). What callers send goes into no line: no arguments, no names of methods that are not hosted
here, no text of an error (a stage may have put its arguments into it; the caller gets that text). Of a stage that
raised the log has the class of the error and where it was raised.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger("pyrpc.node")
# A retry storm must not fill a disk: so many failures of one kind are told a second, the others are counted.
_FAILURES_PER_S = 5
_KINDS_KEPT = 1024
_MAX_TRACE_CHARS = 16_000
# Who has to look at these is who runs the node; the others are the callers' own.
_LEVELS = {
    "INTERNAL": logging.ERROR,
    "WORKER_LOST": logging.ERROR,
    "OVERLOADED": logging.WARNING,
    "UNAUTHENTICATED": logging.WARNING,
    "PERMISSION_DENIED": logging.WARNING,
}


def tell(logger: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Log an event; fields that are None are left out."""
    if logger.isEnabledFor(level):
        known = {name: value for name, value in fields.items() if value is not None}
        text = " ".join([event, *(f"{name}={_shown(value)}" for name, value in known.items() if name != "traceback")])
        if "traceback" in known:
            text = f"{text}\n{known['traceback']}"
        logger.log(level, "%s", text, extra={"pyrpc": {"event": event, **known}})


def _shown(value: Any) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


class RepeatLimit:
    """Lets the first few events of each kind through in each second, and counts the others. Thread-safe.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, per_s: int = _FAILURES_PER_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._lock = threading.Lock()
        # By kind: when its second began, and how many there were in it.
        self._seconds: dict[object, tuple[float, int]] = {}

    def admit(self, kind: object) -> int | None:
        """None: not this one. Else how many of its kind were kept back since the last that was let through."""
        now = self._clock()
        with self._lock:
            began, count = self._seconds.get(kind, (now, 0))
            if now - began >= 1.0:
                kept_back = max(0, count - self._per_s)
                self._seconds[kind] = now, 1
                return kept_back
            if len(self._seconds) >= _KINDS_KEPT and kind not in self._seconds:
                self._seconds.clear()
            self._seconds[kind] = began, count + 1
            return 0 if count < self._per_s else None

    def left(self) -> dict[object, int]:
        """How many of each kind were kept back and not told yet; tells them only once."""
        with self._lock:
            left = {kind: count - self._per_s for kind, (_, count) in self._seconds.items() if count > self._per_s}
            self._seconds.clear()
        return left


@dataclass(slots=True)
class FailedCall:
    """What is known of a call that failed; None: not known.

    Attributes
    ----------
    stage : str
        Only of one that is hosted here.
    trace_id : str
        From the caller's W3C trace context.
    """

    peer: str | None = None
    stage: str | None = None
    request_id: int | None = None
    attempt: int | None = None
    trace_id: str | None = None
    duration_ms: float | None = None


class NodeLog:
    """Tells of failures, each kind only a few times a second."""

    def __init__(self, limit: RepeatLimit | None = None) -> None:
        self._limit = limit or RepeatLimit()

    def call_failed(self, code: str, call: FailedCall, cause: BaseException | None = None) -> None:
        """A call was answered with an error; cause: what the stage, or the node itself, raised."""
        # Where the caller gets the traceback, it is the caller who has to look.
        level = logging.ERROR if cause is not None else _LEVELS.get(code, logging.INFO)
        self._tell(
            level,
            "call failed",
            code,
            call.stage,
            peer=call.peer,
            request_id=call.request_id,
            attempt=call.attempt or None,
            trace_id=call.trace_id,
            duration_ms=None if call.duration_ms is None else round(call.duration_ms, 3),
            error=None if cause is None else type(cause).__qualname__,
            traceback=None if cause is None else places(cause),
        )

    def frame_refused(self, code: str, peer: str) -> None:
        """A frame could not be read, or was too large."""
        self._tell(logging.INFO, "frame refused", code, None, peer=peer)

    def _tell(self, level: int, event: str, code: str, stage: str | None, **fields: Any) -> None:
        if not _log.isEnabledFor(level):
            return
        kept_back = self._limit.admit((event, code, stage))
        if kept_back is not None:
            tell(_log, level, event, code=code, stage=stage, **fields, not_told=kept_back or None)

    def close(self) -> None:
        """Tell how many were kept back at the end."""
        for kind, count in self._limit.left().items():
            event, code, stage = kind if isinstance(kind, tuple) else (str(kind), "", None)
            tell(_log, _LEVELS.get(code, logging.INFO), event, code=code, stage=stage, not_told=count)


def places(error: BaseException) -> str:
    """The traceback of an error and of what led to it, without their texts: those may quote what the caller sent."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{type(current).__qualname__}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(reversed(parts))[-_MAX_TRACE_CHARS:]


def trace_id_of(context: Mapping[str, str] | None) -> str | None:
    """The trace's id in a W3C trace context, 32 hex digits; None: there is none, or it is no such thing."""
    parts = (context or {}).get("traceparent", "").split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or set(parts[1]) - set("0123456789abcdef") or set(parts[1]) == {"0"}:
        return None
    return parts[1]
