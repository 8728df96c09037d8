"""Small calls with a token: the bytes of wire/small.py, with the token put in at the end, or cut out there.

``options`` is the last argument of a call and ``token`` the last field of options that a plain call has, so a call with
a token ends with that field and the two bytes that close both structs.
"""

from __future__ import annotations

import hmac

from pyrpc.wire.binary import CALL, STRING, BinaryWriter
from pyrpc.wire.gen import ttypes
from pyrpc.wire.source import Source

_TOKEN_ID = next(entry[0] for entry in ttypes.CallOptions.thrift_spec if entry and entry[2] == "token")
_CLOSE = b"\0\0"


def _call_mark() -> bytes:
    w = BinaryWriter()
    w.message("", CALL, 0)
    return b"".join(w.parts)[:4]


_CALL_MARK = _call_mark()


def token_tail(token: str) -> bytes:
    """What a call with this token ends with."""
    w = BinaryWriter()
    w.field(STRING, _TOKEN_ID)
    w.string(token)
    return b"".join(w.parts) + _CLOSE


def with_tail(frame: bytes, tail: bytes) -> bytes:
    """A frame of ``small.encode_call``, its length included, with a token."""
    size = len(frame) - 4 + len(tail) - len(_CLOSE)
    return b"".join((size.to_bytes(4, "big"), frame[4 : -len(_CLOSE)], tail))


def cut_tail(source: Source, tail: bytes) -> bool:
    """Cut a known token out of the call whose frame the window holds whole; False: it has no such end.

    What comes before it moves towards the end, so that the next frame stays where it is.
    """
    start, end, buf = source.pos, source.end, source.buf
    if end - start < 8:
        return False
    size = int.from_bytes(buf[start : start + 4], "big", signed=True)
    stop = start + 4 + size
    cut = len(tail) - len(_CLOSE)
    tail_at = stop - len(tail)
    if size <= 0 or stop > end or tail_at < start + 8 or buf[start + 4 : start + 8] != _CALL_MARK:
        return False
    if not hmac.compare_digest(buf[tail_at:stop], tail):
        return False
    buf[start + cut : stop - len(_CLOSE)] = buf[start:tail_at]
    start += cut
    buf[start : start + 4] = (size - cut).to_bytes(4, "big")
    source.pos = source.stop = start
    return True
