"""A client's connection to one node: one call at a time, and what its failure means."""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import Sequence
from typing import Any

from pyrpc.deadline import Deadline
from pyrpc.errors import (
    CancelledError,
    ConnectionLostError,
    DeadlineExceeded,
    ProtocolError,
    PyrpcError,
    ReplyChecksumError,
    TlsError,
    TooLargeError,
    UnreachableError,
)
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.stream import SocketSource, StreamSocket, send_all, send_frame, set_timeouts
from pyrpc.wire import limits, small
from pyrpc.wire.codec import BINARY, GoodbyeError, Parts, RemoteProtocolError, check_frame, frame_bytes
from pyrpc.wire.messages import CallOptions, CallReply, NodeInfo, Ref
from pyrpc.wire.tensor import Placer

# How long a send or receive is left to the kernel, which rounds it up to its ticks of 4 to 10 ms; after that poll()
# waits for what is left. Most replies come sooner. In a program that gets signals more often than the kernel ticks,
# calls outlast their deadlines; with a second, as it was once, a signal each second was enough for that.
_STEP_S = 0.001
# A connection that rested longer than this is asked whether the peer is still there, which costs a system call.
TRUSTED_IDLE_S = 0.05
_TOO_LARGE_HELP = "use map, which splits arrays into chunks, or raise the node's max_frame_bytes"


class Connection:
    """One TCP connection. Not thread-safe: a pool hands it to one caller at a time.

    Only ``abort`` may be called from another thread.

    Attributes
    ----------
    needs_crc32c : bool
        Whether arrays of replies must have a checksum (one that is there is always checked).
    token : str or None
        To show before the first large message: a node that asks for tokens takes none before it knows who calls.
    """

    needs_crc32c = False
    token: str | None = None

    def __init__(self, endpoint: Endpoint, connect_timeout_s: float = 5.0) -> None:
        self.endpoint = endpoint
        self.node: NodeInfo | None = None
        self.bytes_sent = 0
        self.is_open = True
        self._aborted = False
        self._seqid = 0
        self.used_at = time.monotonic()
        self._sock = self._open(endpoint, connect_timeout_s)
        self._source = SocketSource(self._sock)
        self._poll: select.poll | None = None

    def _open(self, endpoint: Endpoint, timeout_s: float) -> StreamSocket:
        return connect(endpoint, timeout_s)

    @property
    def bytes_received(self) -> int:
        """Bytes that came over this connection."""
        return self._source.received

    def next_seqid(self) -> int:
        """A number for the next message."""
        self._seqid = (self._seqid + 1) & 0x7FFFFFFF
        return self._seqid

    def exchange(self, name: str, seqid: int, parts: Parts, deadline: Deadline, place: Placer | None = None) -> Any:
        """Send a message and read its reply.

        Raises
        ------
        UnreachableError
            The message was not sent whole: nothing ran.
        ConnectionLostError
            The connection broke after that: it may have run.
        DeadlineExceeded
            The time is over. The connection is closed: its reply may still come.
        ProtocolError
            What came is no reply. The connection is closed.
        PyrpcError
            What the node answered instead of a result; the connection is in order.
        """
        self.send_parts(parts, deadline)
        return self._receive(name, seqid, deadline.at, place)

    def send_parts(self, parts: Parts, deadline: Deadline) -> None:
        """Send a message; its reply is read later. Errors as for ``exchange``."""
        size = frame_bytes(parts)
        if size > limits.STRANGER_FRAME_BYTES:
            if self.token is not None:
                self._show_token(self.token, deadline)
            if size > limits.STOCK_FRAME_BYTES:
                self._check_node_takes(size, deadline)
        try:
            send_frame(self._sock, parts, size, deadline.at)
        except OSError as error:
            raise self._failed_to_send(error) from error
        except BaseException:
            # Ctrl-C in the middle: the rest of the frame will never come.
            self.close()
            raise
        self.bytes_sent += size + 4

    def send_small(self, frames: bytes, deadline_at: float) -> None:
        """Send one or more calls that wire/small.py wrote; their replies are read in the same order.

        Raises
        ------
        UnreachableError, DeadlineExceeded
            Not all of it was sent. The connection is closed.
        """
        try:
            try:
                sent = self._sock.send(frames)
            except BlockingIOError:
                sent = 0
            if sent < len(frames):
                send_all(self._sock, memoryview(frames)[sent:], deadline_at)
        except OSError as error:
            raise self._failed_to_send(error) from error
        except BaseException:
            self.close()
            raise
        self.bytes_sent += len(frames)

    def wait(self, timeout_s: float) -> bool:
        """Whether bytes of a reply (or the end of the stream) come in that time, to the millisecond, rounded up.

        Not by SO_RCVTIMEO: the kernel rounds that to its ticks, 4 to 10 ms.
        """
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._sock, select.POLLIN)
        try:
            return self._source.pos != self._source.end or bool(self._poll.poll(_poll_ms(timeout_s)))
        except BaseException:
            # Ctrl-C: the reply will still come, and is not for the next call.
            self.close()
            raise

    @property
    def has_bytes(self) -> bool:
        """Whether bytes of a reply are here, so that waiting for the socket would be in vain."""
        return self._source.pos != self._source.end

    def receive_small(self, call_id: int, deadline_at: float) -> tuple[Any, int]:
        """Value and time run on the node (us) of the next reply; errors as for ``exchange``."""
        source = self._source
        source.deadline_at = deadline_at
        try:
            if source.pos == source.end:
                source.fill()
        except (OSError, EOFError) as error:
            raise self._no_reply("call", error) from error
        except BaseException:
            self.close()
            raise
        # What wire/small.py reads has no checksums.
        answer = None if self.needs_crc32c else small.decode_reply(source, call_id)
        if answer is not None:
            self.used_at = time.monotonic()
            return answer
        reply: CallReply = self._receive("call", call_id, deadline_at, None)
        return reply.value, reply.load.service_us if reply.load is not None else 0

    def _no_reply(self, name: str, error: Exception) -> PyrpcError:
        """What it means that reading the reply failed in the stream."""
        if isinstance(error, TimeoutError):
            self.close()
            return _too_late(name, str(self.endpoint))
        return self._lost(error)

    def _receive(self, name: str, seqid: int, deadline_at: float, place: Placer | None) -> Any:
        source = self._source
        source.deadline_at = deadline_at
        # Whatever goes wrong before the reply is read to its end leaves a connection of no use.
        is_in_order = False
        try:
            source.next_frame(limits.HARD_FRAME_BYTES)
            value = BINARY.decode_reply(source, name, seqid, str(self.endpoint), place, self.needs_crc32c)
            is_in_order = True
        except PyrpcError as error:
            # A node closes the connection on a call that is too large, so that it need not read it to its end.
            is_closed = _is_broken_stream(error) or isinstance(error, _CLOSING)
            is_in_order = source.unread() == 0 and not is_closed
            if error.endpoint is None:
                error.endpoint = str(self.endpoint)
            if isinstance(error, CancelledError) and not self._aborted:
                # Not this end gave up, so the node did, because the time was over there a moment earlier.
                raise _too_late(name, error.endpoint) from error
            raise
        except (OSError, EOFError) as error:
            raise self._no_reply(name, error) from error
        finally:
            if not is_in_order:
                self.close()
        self.used_at = time.monotonic()
        return value

    def _failed_to_send(self, error: OSError) -> PyrpcError:
        self.close()
        if self._aborted:
            return CancelledError("the call was cancelled", endpoint=str(self.endpoint))
        if isinstance(error, TimeoutError):
            return DeadlineExceeded("the node did not take the call in time", endpoint=str(self.endpoint))
        return UnreachableError(
            "the connection broke before the call was sent", got=str(error), endpoint=str(self.endpoint)
        )

    def _lost(self, error: Exception) -> PyrpcError:
        self.close()
        if self._aborted:
            return CancelledError("the call was cancelled", endpoint=str(self.endpoint))
        return ConnectionLostError(
            "the connection broke before the reply came",
            got=str(error),
            endpoint=str(self.endpoint),
            help="the node may have died or been restarted; look at its log",
        )

    def _show_token(self, token: str, deadline: Deadline) -> None:
        """Call what does nothing: the node takes large messages from then on."""
        args = {"ref": Ref(""), "options": CallOptions(remaining_ms=deadline.remaining_ms(), token=token)}
        self._ask_first("release", args, deadline)
        self.token = None

    def _ask_first(self, name: str, args: dict[str, Any], deadline: Deadline) -> Any:
        """Ask for something before a message is sent; if that fails, nothing of the message has run."""
        seqid = self.next_seqid()
        try:
            return self.exchange(name, seqid, BINARY.encode_request(name, seqid, args), deadline)
        except ConnectionLostError as error:
            raise UnreachableError(
                "the connection broke before the call was sent", got=error.got, endpoint=str(self.endpoint)
            ) from error

    def _check_node_takes(self, size: int, deadline: Deadline) -> None:
        """Ask once how much the node takes, before sending more than any Thrift server takes."""
        if self.node is None:
            self.node = self._ask_first("ping", {}, deadline)
        assert self.node is not None
        endpoint = str(self.endpoint)
        check_frame(
            size, min(self.node.max_frame_bytes, limits.HARD_FRAME_BYTES), "the call", _TOO_LARGE_HELP, endpoint
        )

    def is_alive(self) -> bool:
        """Whether a connection that rested is still open at the other end, as far as this end can know."""
        try:
            # The end of the stream, or bytes that no one asked for: of no use either way.
            self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def abort(self) -> None:
        """Break off the call that runs here, from another thread; it raises CancelledError there."""
        self._aborted = True
        self.is_open = False
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close; further calls are an error."""
        self.is_open = False
        self._sock.close()


def wait_any(connections: Sequence[Connection], timeout_s: float) -> Connection | None:
    """The first of several connections on which a reply (or the end of the stream) comes; None: none in that time."""
    poll = select.poll()
    by_number: dict[int, Connection] = {}
    for connection in connections:
        if connection.has_bytes:
            return connection
        number = connection._sock.fileno()
        by_number[number] = connection
        poll.register(number, select.POLLIN)
    ready = {number for number, _ in poll.poll(_poll_ms(timeout_s))}
    return next((connection for number, connection in by_number.items() if number in ready), None)


_CLOSING = (TooLargeError, TlsError, GoodbyeError, ReplyChecksumError)


def _poll_ms(timeout_s: float) -> int | None:
    return None if timeout_s == math.inf else min(2**31 - 1, math.ceil(timeout_s * 1000))


def _too_late(name: str, endpoint: str) -> DeadlineExceeded:
    return DeadlineExceeded(f"no reply to {name} came in time", endpoint=endpoint, help="give more time with timeout_s")


def _is_broken_stream(error: PyrpcError) -> bool:
    """Whether the stream itself is at fault, so that the next frame cannot be found (or is not for this call)."""
    return isinstance(error, ProtocolError) and not isinstance(error, RemoteProtocolError)


def connect(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """A TCP connection in blocking mode; what it does not do at once is waited for by ``sleep_until_ready``.

    Raises
    ------
    UnreachableError
    """
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), timeout_s)
    except OSError as error:
        raise UnreachableError(
            "the node cannot be reached",
            got=str(error) or type(error).__name__,
            endpoint=str(endpoint),
            help=f"is it running? pyrpc serve module:Object --port {endpoint.port}",
        ) from error
    try:
        if sock.getsockname() == sock.getpeername():
            # Linux connects a free local port to itself now and then, when the kernel picks it as the source.
            raise UnreachableError("the node cannot be reached", got="a connection to itself", endpoint=str(endpoint))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(True)
        set_timeouts(sock, _STEP_S, _STEP_S)
    except BaseException:
        sock.close()
        raise
    return sock
