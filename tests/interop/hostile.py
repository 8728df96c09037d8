"""A node whose replies are anything but what they should be, for the libraries of the languages.

A program of the language is started as ``PROGRAM HOST PORT PROTOCOL COUNT``. So many times it opens a connection, calls
``Interop.echo`` of a small array, and prints a line that begins with "ok", or with "refused" and how the exception is
called; then it calls again on the same connection, which must not be a crash either.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from tests.interop.program import Built
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TMemoryBuffer

from pyrpc.wire.gen.ttypes import DType, Tensor

HERE = Path(__file__).parent
PROTOCOLS = {"binary": TBinaryProtocol, "compact": TCompactProtocol}
_DEEP = 100_000


def message(protocol: str, name: str, result: Tensor | None = None, seqid: int = 0) -> bytes:
    """A reply as it should be."""
    buffer = TMemoryBuffer()
    out = PROTOCOLS[protocol](buffer)
    out.writeMessageBegin(name, TMessageType.REPLY, seqid)
    out.writeStructBegin("result")
    if result is not None:
        out.writeFieldBegin("success", TType.STRUCT, 0)
        result.write(out)
        out.writeFieldEnd()
    out.writeFieldStop()
    out.writeStructEnd()
    return bytes(buffer.getvalue())


def frame(body: bytes) -> bytes:
    """With its length before it."""
    return struct.pack(">I", len(body)) + body


def good(protocol: str, seqid: int = 0) -> bytes:
    """The reply to echo; ``seqid`` is the number of the call, for clients that number them."""
    return message(protocol, "echo", Tensor(DType.UINT8, [2, 2], b"abcd"), seqid)


def malformed(protocol: str, seqid: int = 0) -> dict[str, bytes]:
    """Replies that no library may take, by what is wrong with them."""
    body = good(protocol, seqid)
    start, data = body.partition(b"abcd")[0], body.partition(b"abcd")[2]
    assert data
    # The length of the data is before it: four bytes, or one.
    width = 4 if protocol == "binary" else 1
    longer = struct.pack(">i", 2**30) if protocol == "binary" else b"\x80\x80\x80\x80\x04"
    negative = struct.pack(">i", -5) if protocol == "binary" else b"\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    head = message(protocol, "echo", seqid=seqid)[:-1]
    nested = {"binary": b"\x0c\x00\x63", "compact": b"\x1c"}[protocol]
    lists = {"binary": b"\x0f\x00\x63\x0c\x7f\xff\xff\xff", "compact": b"\x19\xfc\xff\xff\xff\xff\x07"}[protocol]
    return {
        "a frame of 2 GiB": struct.pack(">I", 0x7FFFFFFF) + body,
        "a frame of nothing": frame(b""),
        "a page of the web": b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "a frame that is cut": frame(body)[:-3],
        "bytes after the message": frame(body + b"\0\0\0"),
        "a message longer than its frame": frame(body[:-3]) + body[-3:],
        "data longer than the frame": frame(start[:-width] + longer + b"abcd" + data),
        "data of a negative length": frame(start[:-width] + negative + b"abcd" + data),
        "a struct in a struct in a struct": frame(head + nested * _DEEP + b"\0" * (_DEEP + 1)),
        "a list of more than there is": frame(head + lists + b"\0\0"),
        "another protocol": frame(b"\x16" + body[1:]),
    }


def mutated(protocol: str, count: int, seed: int, seqid: int = 0) -> Iterator[bytes]:
    """Replies with bytes changed, taken out or put in; the frame is right."""
    random_ = random.Random(seed)
    body = good(protocol, seqid)
    for _ in range(count):
        changed = bytearray(body)
        for _ in range(random_.randint(1, 4)):
            place = random_.randrange(len(changed))
            changed[place : place + random_.randint(0, 2)] = random_.randbytes(random_.randint(0, 2))
        yield frame(bytes(changed) or b"\0")


@contextmanager
def hostile_node(
    protocol: str, replies: list[bytes], seqid: int = 0, pause_s: float = 0.0
) -> Iterator[tuple[str, str]]:
    """Host and port of a node that gives each connection one reply, after a right one to ``release`` of that number.

    With a pause it sends that reply byte by byte.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener, frame(message(protocol, "release", seqid=seqid)), replies, pause_s)
        thread = threading.Thread(target=_serve, args=arguments, daemon=True)
        thread.start()
        yield "127.0.0.1", str(listener.getsockname()[1])
        # What waits for a connection that the program did not make is woken by its end.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def outcomes(
    built: Built,
    program: str,
    protocol: str,
    replies: list[bytes],
    seqid: int = 0,
    *,
    pause_s: float = 0.0,
    timeout_s: float = 120.0,
) -> list[str]:
    """The lines of a program, a shell command in the folder of the bindings, that got these replies; ``seqid`` is the
    number of its first call."""
    with hostile_node(protocol, replies, seqid, pause_s) as (host, port):
        output = built.shell(f"{program} {host} {port} {protocol} {len(replies)}", timeout_s)
    lines = output.splitlines()
    assert len(lines) == len(replies), output[-2000:]
    return lines


def _serve(listener: socket.socket, greeting: bytes, replies: list[bytes], pause_s: float) -> None:
    for reply in replies:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            for answer in chain([greeting, reply], repeat(b"")):
                if not _read_frame(connection):
                    break
                if answer is reply:
                    _send(connection, reply, pause_s)
                    break
                connection.sendall(answer)


def _send(connection: socket.socket, reply: bytes, pause_s: float) -> None:
    if not pause_s:
        connection.sendall(reply)
        return
    try:
        for place in range(len(reply)):
            connection.sendall(reply[place : place + 1])
            time.sleep(pause_s)
    except OSError:
        return  # nobody waits for it any more


def _read_frame(connection: socket.socket) -> bool:
    try:
        length = connection.recv(4, socket.MSG_WAITALL)
        return len(length) == 4 and bool(connection.recv(struct.unpack(">I", length)[0], socket.MSG_WAITALL))
    except OSError:
        return False
