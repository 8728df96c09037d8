"""What travels, as plain Python objects: the twins of the IDL's structs, with the same field names.

Nobody outside wire/ sees generated code; wire/plans.py fills these from the generated ``thrift_spec``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class ParamKind(enum.IntEnum):
    """How an argument is passed; numbers are the IDL's."""

    POSITIONAL_ONLY = 1
    POSITIONAL_OR_NAMED = 2
    VAR_POSITIONAL = 3
    NAMED_ONLY = 4
    VAR_NAMED = 5


class NodeState(enum.IntEnum):
    """What a node says of itself; numbers are the IDL's."""

    SERVING = 1
    DRAINING = 2
    NOT_SERVING = 3


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Which arrays fit.

    Attributes
    ----------
    dtypes : tuple of str
        NumPy names ("float32"); empty: any.
    dims : tuple of str or None
        A name, a number, "_" (any) or, first only, "..." (any number of dims). None: any shape.
    """

    dtypes: tuple[str, ...] = ()
    dims: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ParamInfo:
    """One parameter of a stage."""

    name: str
    kind: ParamKind = ParamKind.POSITIONAL_OR_NAMED
    has_default: bool = False
    annotation: str | None = None
    tensor: TensorSpec | None = None


@dataclass(frozen=True, slots=True)
class StageInfo:
    """One method of a node and its contract; None means: not declared."""

    name: str
    doc: str = ""
    params: tuple[ParamInfo, ...] = ()
    gives: tuple[TensorSpec, ...] | None = None
    gives_tuple: bool = False
    idempotent: bool | None = None
    splittable: bool | None = None
    returns: str | None = None


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Who a node is; ``max_frame_bytes`` is the largest frame it takes."""

    node_id: str = ""
    version: str = ""
    protocol_version: int = 1
    state: NodeState = NodeState.SERVING
    max_frame_bytes: int = 16_384_000
    pid: int = 0
    threads: int = 0


@dataclass(slots=True)
class LoadReport:
    """What a node has to do just now; times in microseconds."""

    queued: int = 0
    in_flight: int = 0
    queued_us: int = 0
    service_us: int = 0
    slots: int | None = None
    ms_per_row: float | None = None


@dataclass(slots=True)
class BatchStats:
    """Batches of one stage since the node started; five of the counters tell why they were sent."""

    batches: int = 0
    calls: int = 0
    rows: int = 0
    full: int = 0
    delay: int = 0
    nobody_else: int = 0
    drain: int = 0
    incompatible: int = 0
    ran_singly: int = 0


@dataclass(slots=True)
class Percentiles:
    """How long half of the calls, 95 % and 99 % of them took at most, about, in microseconds."""

    p50_us: int = 0
    p95_us: int = 0
    p99_us: int = 0


@dataclass(slots=True)
class StageStats:
    """Counters of one stage since the node started; times in microseconds.

    Attributes
    ----------
    run, queue : Percentiles or None
        Of the time that calls ran, and of the time that they waited before; None: no call, or an older node.
    """

    calls: int = 0
    errors: int = 0
    rows: int = 0
    total_us: int = 0
    max_us: int = 0
    batches: BatchStats | None = None
    ms_per_row: float | None = None
    run: Percentiles | None = None
    queue: Percentiles | None = None


@dataclass(slots=True)
class NodeStats:
    """Counters of one node since it started."""

    node: NodeInfo = field(default_factory=NodeInfo)
    uptime_s: float = 0.0
    connections: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    load: LoadReport = field(default_factory=LoadReport)
    stages: dict[str, StageStats] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class CallOptions:
    """What a caller asks for beside the call itself; see the IDL."""

    request_id: int | None = None
    remaining_ms: int | None = None
    max_frame_bytes: int | None = None
    attempt: int | None = None
    # Not for logs.
    token: str | None = field(default=None, repr=False)
    want_crc32c: bool | None = None
    context: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """Names a value that a node holds."""

    id: str


@dataclass(slots=True)
class CallReply:
    """What a call gives back, and what the node had to do then."""

    value: object = None
    load: LoadReport | None = None


@dataclass(slots=True)
class RpcError:
    """An error as it travels; wire/status.py turns it into an exception and back."""

    code: int = 16
    message: str = ""
    help: str | None = None
    retry_after_ms: int | None = None
    remote_traceback: str | None = None
    remote_type: str | None = None
    expected: str | None = None
    got: str | None = None
