"""TCompactProtocol over a Source, and its writer: answered to callers that speak it.

Same verbs as wire/binary.py, so that the codec above does not know which protocol it reads. The differences: numbers
are zigzag varints, a field's id is a step from the one before, and a bool field lives in its type.
"""

from __future__ import annotations

import struct

from pyrpc.errors import ProtocolError
from pyrpc.wire import limits
from pyrpc.wire.binary import (
    BOOL,
    BYTE,
    DOUBLE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STOP,
    STRING,
    STRUCT,
    BinaryReader,
    BinaryWriter,
    skip_bytes,
    skip_nested,
)
from pyrpc.wire.source import Source

_PROTOCOL_ID = 0x82
_VERSION = 1
# Compact type number -> wire type; 1 and 2 are true and false in a field header, 1 or 2 is bool in a container.
_FROM_COMPACT = {
    1: BOOL,
    2: BOOL,
    3: BYTE,
    4: I16,
    5: I32,
    6: I64,
    7: DOUBLE,
    8: STRING,
    9: LIST,
    10: SET,
    11: MAP,
    12: STRUCT,
}
_TO_COMPACT = {BOOL: 1, BYTE: 3, I16: 4, I32: 5, I64: 6, DOUBLE: 7, STRING: 8, LIST: 9, SET: 10, MAP: 11, STRUCT: 12}
_double = struct.Struct("<d")


class CompactReader(BinaryReader):
    """Reads TCompactProtocol from a Source."""

    __slots__ = ("_bool", "_last", "_stack")

    is_compact = True

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._last = 0
        self._stack: list[int] = []
        self._bool: bool | None = None

    def message(self) -> tuple[str, int, int]:
        s = self.source
        p = s.take(2)
        if s.buf[p] != _PROTOCOL_ID or s.buf[p + 1] & 0x1F != _VERSION:
            raise ProtocolError(
                "not a Thrift message", expected="TCompactProtocol 1", got=bytes(s.buf[p : p + 2]).hex(" ")
            )
        kind = s.buf[p + 1] >> 5 & 7
        seqid = self._varint()
        seqid = seqid - 2**32 if seqid >= 2**31 else seqid
        return self._text(self._varint(), limits.METHOD_NAME_BYTES * 2), kind, seqid

    def push(self) -> None:
        self._stack.append(self._last)
        self._last = 0

    def pop(self) -> None:
        self._last = self._stack.pop()

    def field(self) -> tuple[int, int]:
        s = self.source
        head = s.buf[s.take(1)]
        kind = head & 0x0F
        if kind == STOP:
            return 0, 0
        step = head >> 4
        fid = self._last + step if step else self._zigzag()
        self._last = fid
        if kind <= 2:
            self._bool = kind == 1
        return self._wire_type(kind), fid

    def _wire_type(self, kind: int) -> int:
        try:
            return _FROM_COMPACT[kind]
        except KeyError:
            raise ProtocolError("an unknown compact type", got=str(kind)) from None

    def _varint(self) -> int:
        s = self.source
        result = shift = 0
        while True:
            byte = s.buf[s.take(1)]
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7
            if shift > 63:
                raise ProtocolError("a number that is longer than 64 bits")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def bool_(self) -> bool:
        if self._bool is not None:
            value, self._bool = self._bool, None
            return value
        s = self.source
        return s.buf[s.take(1)] == 1

    def i16(self) -> int:
        return self._bounded(15)

    def i32(self) -> int:
        return self._bounded(31)

    def i64(self) -> int:
        return self._bounded(63)

    def _bounded(self, bits: int) -> int:
        value = self._zigzag()
        if not -(1 << bits) <= value < 1 << bits:
            raise ProtocolError("a number is out of range", expected=f"{bits + 1} bits", got=str(value))
        return value

    def double(self) -> float:
        s = self.source
        value: float = _double.unpack_from(s.buf, s.take(8))[0]
        return value

    def size(self) -> int:
        size = self._varint()
        if size > self.source.unread():
            raise self.source.past_end(size)
        return size

    def list_(self) -> tuple[int, int]:
        s = self.source
        head = s.buf[s.take(1)]
        count = head >> 4
        if count == 15:
            count = self._varint()
        self._check_count(count)
        self.spend(limits.LIST_BYTES + limits.ITEM_BYTES * count)
        return self._wire_type(head & 0x0F), count

    def map_(self) -> tuple[int, int, int]:
        s = self.source
        count = self._varint()
        self._check_count(count)
        self.spend(limits.MAP_BYTES + limits.ENTRY_BYTES * count)
        if count == 0:
            return 0, 0, 0
        kinds = s.buf[s.take(1)]
        return self._wire_type(kinds >> 4), self._wire_type(kinds & 0x0F), count

    def skip(self, kind: int) -> None:
        if kind == BOOL:
            self.bool_()
        elif kind == BYTE:
            self.source.take(1)
        elif kind == DOUBLE:
            self.source.take(8)
        elif kind in (I16, I32, I64):
            self._varint()
        elif kind == STRING:
            skip_bytes(self.source, self.size())
        else:
            skip_nested(self, kind)


class CompactWriter(BinaryWriter):
    """Collects the parts of a TCompactProtocol message."""

    __slots__ = ("_last", "_stack")

    is_compact = True

    def __init__(self, adds_crc32c: bool = False) -> None:
        super().__init__(adds_crc32c)
        self._last = 0
        self._stack: list[int] = []

    def message(self, name: str, kind: int, seqid: int) -> None:
        raw = name.encode()
        head = bytes((_PROTOCOL_ID, _VERSION | kind << 5))
        self.parts.append(head + _varint(seqid & 0xFFFFFFFF) + _varint(len(raw)) + raw)

    def push(self) -> None:
        self._stack.append(self._last)
        self._last = 0

    def pop(self) -> None:
        self._last = self._stack.pop()

    def field(self, kind: int, fid: int) -> None:
        self._field(_TO_COMPACT[kind], fid)

    def field_bool(self, fid: int, value: bool) -> None:
        self._field(1 if value else 2, fid)

    def _field(self, kind: int, fid: int) -> None:
        step = fid - self._last
        self._last = fid
        if 0 < step <= 15:
            self.parts.append(bytes((step << 4 | kind,)))
        else:
            self.parts.append(bytes((kind,)) + _zigzag(fid))

    def bool_(self, value: bool) -> None:
        self.parts.append(b"\1" if value else b"\2")

    def i16(self, value: int) -> None:
        self.parts.append(_zigzag(value))

    def i32(self, value: int) -> None:
        self.parts.append(_zigzag(value))

    def i64(self, value: int) -> None:
        self.parts.append(_zigzag(value))

    def double(self, value: float) -> None:
        self.parts.append(_double.pack(value))

    def size(self, value: int) -> None:
        self.parts.append(_varint(value))

    def string(self, value: str) -> None:
        raw = value.encode()
        self.parts.append(_varint(len(raw)) + raw)

    def list_(self, kind: int, count: int) -> None:
        compact = _TO_COMPACT[kind]
        if count < 15:
            self.parts.append(bytes((count << 4 | compact,)))
        else:
            self.parts.append(bytes((0xF0 | compact,)) + _varint(count))

    def map_(self, key: int, value: int, count: int) -> None:
        if count == 0:
            self.parts.append(b"\0")
        else:
            self.parts.append(_varint(count) + bytes((_TO_COMPACT[key] << 4 | _TO_COMPACT[value],)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> bytes:
    # 64-bit zigzag serves i16 and i32 too: the same varint for the same number.
    return _varint((value << 1 ^ value >> 63) & 0xFFFFFFFFFFFFFFFF)
