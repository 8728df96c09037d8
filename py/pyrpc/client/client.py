"""The client, assembled: calls, maps and reductions over a set of nodes."""

from __future__ import annotations

import concurrent.futures
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from pyrpc.client import security
from pyrpc.client.fold import ReduceOp
from pyrpc.client.job import Job
from pyrpc.client.jobs import JobOptions
from pyrpc.client.node import NodeHandle
from pyrpc.client.progress import Progress
from pyrpc.client.resolve import resolve
from pyrpc.client.traced import parts
from pyrpc.deadline import Deadline
from pyrpc.errors import ConfigError, PyrpcError
from pyrpc.plan.balance import Balancer, balancer, default_policy
from pyrpc.plan.ping import EVERY_S
from pyrpc.plan.placement import check_policy
from pyrpc.plan.prng import SplitMix64
from pyrpc.plan.retry import RetryPolicy
from pyrpc.stage.registry import unknown_method
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.tls import Tls
from pyrpc.wire.messages import NodeInfo, NodeStats, StageInfo

_TIMEOUT_S = 60.0
_CONNECT_TIMEOUT_S = 5.0
# A node may be replaced by one that hosts other stages; what it told is asked again after this.
_STAGES_KEPT_S = 5.0
# For what every node is asked, unless the caller says otherwise: one that hangs must not hide the others for long.
_ASK_S = 5.0
# Beyond three years is never.
_FOREVER_S = 1e8


class Client:
    """Calls stages on one or many nodes. Thread-safe; a context manager.

    Parameters
    ----------
    endpoints : str or list of str, optional
        ``"h1:9090,h2:9091"``. By default the environment's PYRPC_ENDPOINTS, or the node on this machine.
    timeout_s : float or None
        For single calls that do not say otherwise, in seconds, all attempts included; None: no limit.
    connect_timeout_s : float
        For opening a connection, in seconds.
    policy : str or Balancer, optional
        Who gets a single call: "min_max" (default for up to 16 nodes), "power_of_two" (default for more),
        "peak_ewma", "least_loaded", "round_robin", "weighted", "random", "random_priority", or an object of your own
        with ``pick``; see :mod:`pyrpc.plan.balance`.
    window : int, optional
        Chunks in flight on each node in a job, at most. By default 2, one that runs while another one travels, and up
        to 16 on nodes that get more done with more, which jobs find out and the client remembers.
    job_policy : str or Balancer
        Who gets the next chunk of a map or reduce: "min_max" (default: the node that is predicted to be done with it
        first), "pull", any name of ``policy``, or an object with ``pick``; see :mod:`pyrpc.plan.placement`.
    seed : int, optional
        For what is chosen at random; the same seed makes the same choices.
    tls : Tls or bool, optional
        Speak TLS: ``tls=pyrpc.Tls(ca="ca.pem")``; True: trust the certificates that the system trusts. By default what
        the environment says (PYRPC_TLS_CA ...), or else no TLS; False: no TLS, whatever the environment says.
    token : str, optional
        Sent with each call, for nodes that ask for one. By default what the environment's PYRPC_TOKEN says, or the
        file that PYRPC_TOKEN_FILE names.
    ping_s : float or None
        With several nodes, while calls are made: after so many seconds of silence a node is asked in the background
        whether it is there, so that no call has to find out. None: never.
    checksums : bool
        Send a CRC32C with the data of each array, and have the nodes send one: a bit that flips on the way is found,
        and the call made again where that is allowed. The package crc32c (extra ``checksums``) makes it quick, here
        and on nodes; without it NumPy does the work, 40 times slower.

    Raises
    ------
    ConfigError
        An endpoint or option that makes no sense. Nothing is connected before the first call.
    """

    def __init__(
        self,
        endpoints: str | Endpoint | Iterable[str | Endpoint] | None = None,
        *,
        timeout_s: float | None = _TIMEOUT_S,
        connect_timeout_s: float = _CONNECT_TIMEOUT_S,
        policy: str | Balancer | None = None,
        window: int | None = None,
        job_policy: str | Balancer = "min_max",
        seed: int | None = None,
        tls: Tls | bool | None = None,
        token: str | None = None,
        ping_s: float | None = EVERY_S,
        checksums: bool = False,
    ) -> None:
        _check_timeout("timeout_s", timeout_s)
        _check_timeout("connect_timeout_s", connect_timeout_s)
        _check_timeout("ping_s", ping_s)
        self._timeout_s = _finite(timeout_s)
        named, connect = resolve(endpoints), security.connector_of(tls)
        token = security.token_of(token)
        security.warn_of_open_token(named, token, connect)
        make = parts()
        self._nodes = [make.node(endpoint, connect_timeout_s, token, connect, checksums) for endpoint in named]
        # One for calls and one for jobs: each belongs to a lock of its own.
        prng = SplitMix64(secrets.randbits(64) if seed is None else seed)
        calls_prng = SplitMix64(prng.next_u64())
        retry = RetryPolicy()
        self._job_threads = make.threads("pyrpc-job")
        self._caller = make.caller(
            self._nodes,
            balancer(default_policy(len(self._nodes)) if policy is None else policy),
            retry,
            calls_prng,
            self._is_idempotent,
            self._job_threads.run,
        )
        self._submitter = make.submitter(self._caller, self._job_threads, len(self._nodes))
        self._jobs = make.jobs(self._nodes, retry, prng, window, job_policy, self._job_threads, self._stage)
        self._lock = threading.Lock()
        self._stages: dict[str, StageInfo] = {}
        self._stages_at = float("-inf")
        self._pinger = None if ping_s is None or len(self._nodes) == 1 else self._caller.pinger(ping_s)
        self._is_closed = False

    # -- single calls

    def call(self, method: str, /, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        """Call ``Class.method``, ``module.function`` or ``function`` on one of the nodes.

        Parameters
        ----------
        *args, **kwargs
            Anything that travels: None, bool, int, float, str, bytes, arrays, lists, dicts.
        timeout_s : float, optional
            In seconds, all attempts included; by default the client's.

        Returns
        -------
        Any
            Tuples arrive as lists; arrays are the caller's own, writable.

        Raises
        ------
        UnknownMethodError, ArgumentError, ContractError, UnsupportedTypeError, TooLargeError
            The call cannot work as it is.
        StageFailedError
            The stage raised; with its traceback.
        UnreachableError, ConnectionLostError, DeadlineExceeded
            See :mod:`pyrpc.errors` for what may have run.
        ChecksumError
            With ``checksums``: an array changed on its way, in each attempt that was allowed.
        """
        if timeout_s is None and not self._is_closed:
            timeout_s = self._timeout_s
        else:
            timeout_s = self._timeout(timeout_s)
        return self._caller.call(method, args, kwargs, timeout_s)

    def submit(
        self, method: str, /, *args: Any, timeout_s: float | None = None, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        """The same in the background; at most 64 at the same time, more wait. The time runs from now.

        Small calls of a method that takes less than half a millisecond share connections, up to 64 in a row: ten
        thousand of them cost a fraction of what as many ``call`` cost. If one of them takes long against all
        experience, those behind it on its connection wait for it.
        """
        return self._submitter.submit(method, args, kwargs, self._timeout(timeout_s))

    def options(self, *, policy: str | Balancer | None = None, timeout_s: float | None = None) -> Client:
        """This client with other options for its single calls: ``client.options(policy="random").call(...)``.

        Light: it shares nodes, connections, budgets and what is known of the nodes. Keep it to keep a policy's state,
        such as whose turn it is. Closing it does nothing; it is closed with this client.

        Parameters
        ----------
        policy : str or Balancer, optional
            As for the client; by default this client's.
        timeout_s : float, optional
            For calls that do not say otherwise; by default this client's.

        Raises
        ------
        ConfigError
            An option that makes no sense.
        """
        return _View(self, policy, self._timeout(timeout_s))

    # -- jobs

    def map(
        self,
        stage: str,
        /,
        *arrays: Any,
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        chunk_s: float | None = None,
        policy: str | Balancer | None = None,
        timeout_s: float | None = None,
        progress: bool | Progress | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run a stage over the rows of arrays, on all nodes, and return its rows in order.

        Parameters
        ----------
        stage : str
            Gives one row for each row it gets, in one array or a tuple of arrays.
        *arrays
            Split along axis 0, all together. Scalars, text, None, 0-d arrays and ``pyrpc.broadcast(x)`` go whole.
        chunk_rows, chunk_bytes : int, optional
            Size of a chunk. By default each node gets chunks that fit its speed, smaller ones towards the end, at
            most 8 MiB each.
        chunk_s : float, optional
            About how long a chunk takes, in seconds, where no size is given; by default 0.05.
        policy : str or Balancer, optional
            As job_policy, for this job.
        timeout_s : float, optional
            For the whole job, in seconds; by default no limit.
        progress : bool or callable, optional
            True: a line on stderr; or called with (rows done, rows in all), in this thread.
        **kwargs
            Passed to every chunk, whole.

        Returns
        -------
        ndarray or tuple of ndarray
            Of as many rows as the input.

        Raises
        ------
        LengthMismatchError, ContractError, ArgumentError
            Before anything is sent.
        StageFailedError, BadResultError
            From the first chunk that failed by its own fault.
        UnreachableError
            All nodes were gone for 5 s.
        DeadlineExceeded

        Notes
        -----
        A chunk whose node dies is sent to another one, so a stage may see rows twice unless it is declared
        ``idempotent=False``; the result holds each row once.
        """
        options = self._job_options(timeout_s, chunk_rows, chunk_bytes, chunk_s, policy, progress)
        return self._jobs.map(stage, arrays, kwargs, options).run_for_result()

    def map_async(
        self,
        stage: str,
        /,
        *arrays: Any,
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        chunk_s: float | None = None,
        policy: str | Balancer | None = None,
        timeout_s: float | None = None,
        progress: bool | Progress | None = None,
        **kwargs: Any,
    ) -> Job:
        """The same in the background; see :class:`pyrpc.client.job.Job`. The arrays must not change until it ends."""
        options = self._job_options(timeout_s, chunk_rows, chunk_bytes, chunk_s, policy, progress)
        return self._jobs.map(stage, arrays, kwargs, options).start(self._job_threads)

    def imap(
        self,
        stage: str,
        /,
        *arrays: Any,
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        chunk_s: float | None = None,
        policy: str | Balancer | None = None,
        timeout_s: float | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """The same as a stream: yields the rows of the result in their order, in blocks, while the job goes on.

        For data larger than memory: neither the rows that go in, from an iterator or a memory-mapped file, nor those
        that come out are held as a whole. The source is read as the results are taken: what is read, in flight or done
        and not taken stays within a few times what the nodes have in flight (`window` chunks each). To stop early,
        close the iterator, or drop it: the job ends.

        Parameters and errors are those of :meth:`map`; an error is raised in place of the first block that is missing.

        Yields
        ------
        ndarray or tuple of ndarray
            Of one row or more; how many depends on the chunks.
        """
        options = self._job_options(timeout_s, chunk_rows, chunk_bytes, chunk_s, policy)
        return self._jobs.imap(stage, arrays, kwargs, options)

    def reduce(
        self,
        stage: str,
        /,
        *arrays: Any,
        op: ReduceOp = "sum",
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        policy: str | Balancer | None = None,
        timeout_s: float | None = None,
        progress: bool | Progress | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run a stage over chunks of rows and fold what it gives for each into one value.

        Parameters
        ----------
        stage : str
            Gives an array, a number, or a list or dict of such, whose shape does not depend on the rows it gets.
        op : "sum", "mean" or callable
            "mean" weighs each chunk's value by its rows. A callable gets (what was folded so far, next value).
        chunk_rows, chunk_bytes : int, optional
            Size of a leaf; by default 64 leaves, at most 8 MiB each.

        Returns
        -------
        Any
            ((c0 + c1) + c2) + ... in the order of the rows. The leaves depend on the arrays alone, so the bits of
            the result are the same for any number of nodes, with or without faults.
        """
        options = self._job_options(timeout_s, chunk_rows, chunk_bytes, None, policy, progress)
        return self._jobs.reduce(stage, arrays, kwargs, op, options).run_for_result()

    def reduce_async(
        self,
        stage: str,
        /,
        *arrays: Any,
        op: ReduceOp = "sum",
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        policy: str | Balancer | None = None,
        timeout_s: float | None = None,
        progress: bool | Progress | None = None,
        **kwargs: Any,
    ) -> Job:
        """The same in the background."""
        options = self._job_options(timeout_s, chunk_rows, chunk_bytes, None, policy, progress)
        return self._jobs.reduce(stage, arrays, kwargs, op, options).start(self._job_threads)

    def _job_options(
        self,
        timeout_s: float | None,
        chunk_rows: int | None = None,
        chunk_bytes: int | None = None,
        chunk_s: float | None = None,
        policy: str | Balancer | None = None,
        progress: bool | Progress | None = None,
    ) -> JobOptions:
        """Without a limit of time unless the caller sets one; the client's is for single calls."""
        self._check_open()
        if policy is not None:
            check_policy(policy)
        deadline = Deadline(None if timeout_s is None else self._timeout(timeout_s))
        return JobOptions(deadline, chunk_rows, chunk_bytes, chunk_s, policy, progress)

    # -- about the nodes

    def stages(self) -> list[StageInfo]:
        """What the nodes host: names, signatures, contracts, docstrings; asked from one of them."""
        return list(self._ask_stages(self._deadline(None)).values())

    def ping(self, timeout_s: float | None = None) -> dict[str, NodeInfo]:
        """Who answers, by endpoint; nodes that do not answer are left out.

        Raises
        ------
        UnreachableError, DeadlineExceeded
            None of them does.
        """
        return self._ask_all("ping", timeout_s)

    def stats(self, timeout_s: float | None = None) -> dict[str, NodeStats]:
        """Counters of each node, by endpoint; nodes that do not answer are left out.

        A node with worker processes answers for the one that got this client's connection.

        Raises
        ------
        UnreachableError, DeadlineExceeded
            None of them answers.
        """
        return self._ask_all("stats", timeout_s)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The nodes of this client."""
        return tuple(node.endpoint for node in self._nodes)

    def _ask_all(self, name: str, timeout_s: float | None) -> dict[str, Any]:
        deadline = self._deadline(_ASK_S if timeout_s is None else timeout_s)
        answers: dict[str, Any] = {}
        failure: PyrpcError | None = None
        futures = {node.endpoint: self._in_background(node, name, deadline) for node in self._nodes}
        for endpoint, future in futures.items():
            try:
                answers[endpoint] = future.result()
            except PyrpcError as error:
                failure = error
        if not answers and failure is not None:
            raise failure
        return answers

    def _in_background(self, node: NodeHandle, name: str, deadline: Deadline) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def run() -> None:
            try:
                future.set_result(node.request(name, deadline))
            except BaseException as error:
                future.set_exception(error)

        self._job_threads.run(run)
        return future

    def _ask_stages(self, deadline: Deadline) -> dict[str, StageInfo]:
        stages = {info.name: info for info in self._caller.request("stages", deadline)}
        with self._lock:
            self._stages, self._stages_at = stages, time.monotonic()
        return stages

    def _stage(self, name: str, deadline: Deadline) -> StageInfo:
        """What the nodes say of a stage; asked again when it was long ago, or the name is not known."""
        with self._lock:
            is_fresh = time.monotonic() - self._stages_at < _STAGES_KEPT_S
            info = self._stages.get(name) if is_fresh else None
        if info is not None:
            return info
        stages = self._ask_stages(deadline)
        if name not in stages:
            raise unknown_method(name, list(stages))
        return stages[name]

    def _is_idempotent(self, method: str) -> bool:
        """Whether a call that may have run may be sent again; only what is declared so."""
        try:
            return self._stage(method, Deadline(_CONNECT_TIMEOUT_S)).idempotent is True
        except PyrpcError:
            return False

    # -- life

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConfigError("the client is closed", help="make a new Client")

    def _timeout(self, timeout_s: float | None) -> float | None:
        self._check_open()
        if timeout_s is None:
            return self._timeout_s
        _check_timeout("timeout_s", timeout_s)
        return _finite(timeout_s)

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline(self._timeout(timeout_s))

    def close(self) -> None:
        """Close all connections; calls that run end by themselves."""
        self._is_closed = True
        if self._pinger is not None:
            self._pinger.close()
        for node in self._nodes:
            node.pool.close()
        self._job_threads.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _View(Client):
    """A client with other options, on the nodes and connections of another one."""

    def __init__(self, parent: Client, policy: str | Balancer | None, timeout_s: float | None) -> None:
        self.__dict__.update(parent.__dict__)
        self.__dict__.pop("_is_closed", None)
        self._parent = parent
        self._timeout_s = timeout_s
        if policy is not None:
            self._caller = parent._caller.with_policy(balancer(policy))
            self._submitter = type(parent._submitter)(self._caller, self._job_threads, len(self._nodes))

    @property
    def _is_closed(self) -> bool:  # type: ignore[override]
        return self._parent._is_closed

    def close(self) -> None:
        pass


def _check_timeout(name: str, timeout_s: float | None) -> None:
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if timeout_s is not None and (not is_number or not timeout_s > 0):
        raise ConfigError(f"{name} makes no sense", expected="seconds above 0, or None", got=repr(timeout_s))


def _finite(timeout_s: float | None) -> float | None:
    return None if timeout_s is None or timeout_s > _FOREVER_S else timeout_s
