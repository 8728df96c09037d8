"""What a receipt says of the job and its attempts, as far as a simulation needs it.

Read from plain data: Receipt.to_dict, or the file that Receipt.save wrote, which holds it under the key "pyrpc".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_type_hints

from pyrpc.errors import ConfigError

T = TypeVar("T")
_REFUSALS = {"OverloadedError", "DrainingError"}
_LOSSES = {"UnreachableError", "ConnectionLostError", "TlsError"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt; the fields are those of a receipt's entry, in seconds since the job began."""

    chunk: int
    start_row: int
    stop_row: int
    node: str
    attempt: int
    sent_s: float
    done_s: float
    outcome: str
    queued_s: float = 0.0
    service_s: float = 0.0
    bytes_out: int = 0
    bytes_in: int = 0
    replied_s: float = 0.0
    error_type: str | None = None

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.stop_row - self.start_row

    @property
    def is_answered(self) -> bool:
        """Whether its result came."""
        return self.outcome in ("ok", "late")

    @property
    def is_refused(self) -> bool:
        """Whether the node turned it away."""
        return self.error_type in _REFUSALS

    @property
    def is_loss(self) -> bool:
        """Whether the node was lost with it."""
        return self.error_type in _LOSSES and self.outcome == "failed"

    @property
    def outside_s(self) -> float:
        """Seconds that it neither ran nor waited on the node."""
        return max(0.0, self.done_s - self.sent_s - self.queued_s - self.service_s)

    @property
    def ran_to_s(self) -> float:
        """When it ended on the node: when its reply began to arrive, or in the middle of what was outside."""
        return min(self.replied_s, self.done_s) if self.replied_s else self.done_s - self.outside_s / 2


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """A node was asked whether it is back."""

    node: str
    at_s: float
    is_up: bool


@dataclass(frozen=True, slots=True)
class MeasuredJob:
    """A job that was run."""

    rows: int
    makespan_s: float
    row_bytes: int
    policy: str
    window: int
    idempotent: bool
    is_divisible: bool
    nodes: tuple[str, ...]
    entries: tuple[Entry, ...]
    probes: tuple[ProbeEntry, ...]
    most_window: int = 0

    def of(self, node: str) -> list[Entry]:
        """The attempts on a node, in the order they were sent."""
        return sorted((entry for entry in self.entries if entry.node == node), key=lambda entry: entry.sent_s)


def measured_job(data: Any) -> MeasuredJob:
    """The job of a receipt.

    Parameters
    ----------
    data : dict
        From Receipt.to_dict, or what json reads from the file that Receipt.save wrote.

    Raises
    ------
    ConfigError
        It is no receipt, or one of a job that did not end well.
    """
    if isinstance(data, Mapping) and "traceEvents" in data:
        data = data.get("pyrpc")
    if not isinstance(data, Mapping) or "entries" not in data:
        raise _no_receipt("the data of Receipt.to_dict, or a trace with the key 'pyrpc'", type(data).__name__)
    nodes = data.get("nodes")
    if not isinstance(nodes, list) or not nodes or not all(isinstance(node, str) for node in nodes):
        raise _no_receipt("a list of names as nodes", repr(nodes)[:80])
    lists = {"entries": _records(Entry, data["entries"]), "probes": _records(ProbeEntry, data.get("probes", []))}
    plain = {key: value for key, value in data.items() if key not in lists and key != "nodes"}
    job = _record(MeasuredJob, plain, {"nodes": tuple(nodes), **lists})
    if not any(entry.outcome == "ok" for entry in job.entries) or job.makespan_s <= 0 or job.rows < 1:
        raise ConfigError(
            "nothing was done in the job of this receipt", help="calibrate from a job that ended and had rows"
        )
    return job


def _records(kind: type[T], items: Any) -> tuple[T, ...]:
    if not isinstance(items, list):
        raise _no_receipt(f"a list of {kind.__name__}", type(items).__name__)
    return tuple(_record(kind, item, {}) for item in items)


def _record(kind: type[T], item: Any, known: Mapping[str, Any]) -> T:
    if not isinstance(item, Mapping):
        raise _no_receipt(f"a dict for each {kind.__name__}", type(item).__name__)
    hints, values = get_type_hints(kind), dict(known)
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name not in known:
            values[each.name] = _checked(each.name, item.get(each.name, each.default), hints[each.name])
    return kind(**values)


def _checked(name: str, value: Any, hint: Any) -> Any:
    wanted = int | float if hint is float else hint
    is_bool = isinstance(value, bool)
    if value is MISSING or not isinstance(value, wanted) or (is_bool and hint is not bool):
        got = "nothing" if value is MISSING else repr(value)[:80]
        raise _no_receipt(f"{name} as {getattr(hint, '__name__', hint)}", got)
    return value


def _no_receipt(expected: str, got: str) -> ConfigError:
    return ConfigError("this is no receipt", expected=expected, got=got, help="receipt.save('trace.json') writes one")
