"""Makes jobs: from the arguments of map, imap and reduce to a scheduler, a gather and the driver between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyrpc.client.arguments import SplitArguments, bytes_of, is_split
from pyrpc.client.caller import check_name
from pyrpc.client.fold import FoldGather, ReduceOp, check_op
from pyrpc.client.gather import Gather, PassingGather, RowsGather
from pyrpc.client.job import Job
from pyrpc.client.node import NodeHandle
from pyrpc.client.progress import Progress, progress_of
from pyrpc.client.scatter import Scatter
from pyrpc.client.source import StreamArguments, is_stream, slices
from pyrpc.deadline import Deadline
from pyrpc.errors import ArgumentError, ConfigError
from pyrpc.plan.balance import Balancer
from pyrpc.plan.partition import MAX_CHUNK_BYTES, Chunk, leaf_grid
from pyrpc.plan.placement import check_policy
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.plan.scheduler import Scheduler
from pyrpc.plan.window import FIRST, NodeWindow, most_window
from pyrpc.plan.work import FixedWork, Stream, Work, plan_work, stream_leaves, stream_work
from pyrpc.stage.signature import check_call, empty_result
from pyrpc.transport.threads import ThreadCache
from pyrpc.wire.messages import StageInfo

# An array that is worked through in order is read in at least so many blocks, each at most so many chunks large.
_BLOCKS = 64
_BLOCK_CHUNKS = 4
# For how long what jobs find out of windows is good, and of how many stages.
_KNOWN_S = 60.0
_STAGES_KNOWN = 256


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job is to run; see ``Client.map``."""

    deadline: Deadline
    chunk_rows: int | None = None
    chunk_bytes: int | None = None
    chunk_s: float | None = None
    policy: str | Balancer | None = None
    progress: bool | Progress | None = None


class Jobs:
    """Makes the jobs of a client. Thread-safe.

    Parameters
    ----------
    stage_of : callable
        What the nodes say of a stage, by its name, within a deadline.
    """

    def __init__(
        self,
        nodes: Sequence[NodeHandle],
        retry: RetryPolicy,
        prng: SplitMix64,
        window: int | None,
        policy: str | Balancer,
        threads: ThreadCache,
        stage_of: Callable[[str, Deadline], StageInfo],
    ) -> None:
        if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window < 1):
            raise ConfigError("window makes no sense", expected="a whole number, at least 1, or None", got=repr(window))
        check_policy(policy)
        self._nodes = list(nodes)
        self._retry = retry
        self._prng = prng
        self._window = FIRST if window is None else window
        self._most_window = most_window(len(self._nodes)) if window is None else 0
        # What jobs found out about the windows of the nodes for a stage, and when.
        self._known: dict[str, tuple[float, dict[str, NodeWindow]]] = {}
        self._policy = policy
        self._threads = threads
        self._stage_of = stage_of
        self._lock = threading.Lock()
        self._begun = 0

    def map(self, stage: str, args: tuple[Any, ...], kwargs: dict[str, Any], options: JobOptions) -> Job:
        """A job that gives rows for rows."""
        if is_stream(args):
            return self._map_stream(stage, args, kwargs, options, RowsGather(stage, None))
        sizes = (options.chunk_rows, options.chunk_bytes, options.chunk_s)
        arguments = SplitArguments(stage, args, kwargs)
        work: Work = plan_work(arguments.rows, arguments.row_bytes, len(self._nodes), *sizes)
        info = self._splittable(stage, options)
        bindings = check_call(info, arguments.positional, arguments.named)
        gather: Gather = RowsGather(stage, arguments.rows)
        if not work.pieces_left:
            empty = empty_result(info, bindings)
            if empty is not None:
                gather = _Known(empty)
            else:
                # The contract does not tell what no rows give; the stage itself may.
                work = FixedWork([Chunk(0, 0, 0)])
        return self._job(info, arguments, work, gather, options)

    def imap(self, stage: str, args: tuple[Any, ...], kwargs: dict[str, Any], options: JobOptions) -> Iterator[Any]:
        """The results of rows in their order, block by block, while the job goes on."""
        if not is_stream(args):
            args = _as_stream(stage, args, kwargs)
        job = self._map_stream(stage, args, kwargs, options, PassingGather(stage))
        return job.in_order(self._threads)

    def reduce(
        self, stage: str, args: tuple[Any, ...], kwargs: dict[str, Any], op: ReduceOp, options: JobOptions
    ) -> Job:
        """A job that folds what the stage gives for each leaf."""
        check_op(op)
        sizes = (options.chunk_rows, options.chunk_bytes)
        if is_stream(args):
            leaves = stream_leaves(*sizes)
            info = self._splittable(stage, options)
            streamed = StreamArguments(stage, args, kwargs, partial(check_call, info))
            return self._job(info, streamed, leaves, FoldGather(op, None), options, sign=-1)
        arguments = SplitArguments(stage, args, kwargs)
        chunks = leaf_grid(arguments.rows, arguments.row_bytes, chunk_rows=sizes[0], chunk_bytes=sizes[1])
        info = self._splittable(stage, options)
        check_call(info, arguments.positional, arguments.named)
        if not chunks:
            raise ArgumentError(f"a reduction by {stage} over 0 rows has no result", help="check for rows first")
        return self._job(info, arguments, FixedWork(chunks), FoldGather(op, arguments.rows), options, sign=-1)

    def _map_stream(
        self, stage: str, args: tuple[Any, ...], kwargs: dict[str, Any], options: JobOptions, gather: Gather
    ) -> Job:
        work = stream_work(len(self._nodes), options.chunk_rows, options.chunk_bytes, options.chunk_s)
        info = self._splittable(stage, options)
        arguments = StreamArguments(stage, args, kwargs, partial(check_call, info))
        return self._job(info, arguments, work, gather, options)

    def _splittable(self, name: str, options: JobOptions) -> StageInfo:
        check_name(name)
        info = self._stage_of(name, options.deadline)
        if info.splittable is False:
            raise ConfigError(
                f"{name} is declared splittable=False: its arrays must stay whole", help="use call instead of map"
            )
        return info

    def _job(
        self,
        info: StageInfo,
        arguments: SplitArguments | StreamArguments,
        work: Work,
        gather: Gather,
        options: JobOptions,
        *,
        sign: int = 1,
    ) -> Job:
        with self._lock:
            # Small jobs would else all begin with the first node.
            first = self._begun % len(self._nodes)
            self._begun += 1
            seed = self._prng.next_u64()
            known_at, windows = self._known.get(info.name, (0.0, {}))
            if time.monotonic() - known_at > _KNOWN_S:
                windows = {}
        nodes = self._nodes[first:] + self._nodes[:first]
        scheduler = Scheduler(
            work,
            [node.endpoint for node in nodes],
            window=self._window,
            most_window=self._most_window,
            windows=windows,
            retry=self._retry,
            idempotent=info.idempotent is not False,
            prng=SplitMix64(seed),
            policy=self._policy if options.policy is None else options.policy,
        )
        scatter = Scatter(
            info.name,
            arguments,
            nodes,
            scheduler,
            gather,
            options.deadline,
            self._threads,
            stream=work if isinstance(work, Stream) else None,
            sign=sign,
            progress=progress_of(options.progress, info.name),
            on_windows=partial(self._remember, info.name),
        )
        return Job(scatter, gather)

    def _remember(self, stage: str, windows: dict[str, NodeWindow]) -> None:
        """What a job found out, for the next one."""
        if windows and self._most_window:
            with self._lock:
                if stage not in self._known and len(self._known) >= _STAGES_KNOWN:
                    self._known.clear()
                self._known[stage] = (time.monotonic(), windows)


class _Known(RowsGather):
    """A result that is known without any call: that of no rows."""

    def __init__(self, value: Any) -> None:
        super().__init__("", 0)
        self._value = value

    def finish(self) -> Any:
        return self._value


def _as_stream(stage: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments of a map with the first array as blocks of rows; the others are split beside it."""
    arguments = SplitArguments(stage, args, kwargs)  # refuses what cannot be split
    if not arguments.rows:
        return args
    first = next(index for index, value in enumerate(args) if is_split(value))
    row_bytes = max(1, bytes_of(args[first]) // arguments.rows)
    rows = min(-(-arguments.rows // _BLOCKS), max(1, _BLOCK_CHUNKS * MAX_CHUNK_BYTES // row_bytes))
    return (*args[:first], slices(args[first], rows), *args[first + 1 :])
