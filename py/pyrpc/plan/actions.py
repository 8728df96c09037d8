"""What a scheduler tells its driver to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pyrpc.errors import ConfigError
from pyrpc.plan.partition import Chunk

FailReason = Literal["final", "unknown", "exhausted", "no_nodes", "policy"]


@dataclass(frozen=True, slots=True)
class Send:
    """Run a chunk on a node; report the end of this attempt by ``done`` or ``failed``, exactly once.

    Attributes
    ----------
    attempt_id : int
        Names this attempt in every later event and action; unique within the job.
    chunk : Chunk
        What to run.
    node : str
        Where.
    attempt_no : int
        How often this chunk was sent before; 0 for the first time, as CallOptions.attempt wants it.
    hedge : bool
        Whether it duplicates an attempt that still runs.
    """

    attempt_id: int
    chunk: Chunk
    node: str
    attempt_no: int
    hedge: bool


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """Nobody waits for this attempt any more.

    It holds its slot on the node until it is reported: by ``failed`` with any class once it is given up, or by
    ``done`` if its reply comes first.
    """

    attempt_id: int
    node: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the node whether it lives; answer by ``node_up`` or ``node_down``."""

    node: str


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Call ``timer`` at that time, or soon after. Takes the place of any earlier WaitUntil."""

    at: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Every chunk is done. Nothing comes after this."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The job cannot be finished. Nothing comes after this.

    Attributes
    ----------
    attempt_id : int or None
        The attempt whose error is the job's error; None for "no_nodes" and "policy".
    reason : {"final", "unknown", "exhausted", "no_nodes", "policy"}
        An answer that another try would not change; a call that may have run and must not run twice; a chunk
        that failed too often; no node was up for too long; the caller's own policy picked no node.
    error : ConfigError or None
        What the policy did wrong.
    """

    attempt_id: int | None
    reason: FailReason
    error: ConfigError | None = None


Action: TypeAlias = Send | CancelAttempt | Probe | WaitUntil | Finish | Fail
