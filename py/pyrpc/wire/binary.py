"""TBinaryProtocol over a Source, and its writer: the protocol that pyrpc speaks by itself."""

from __future__ import annotations

import struct

from pyrpc.errors import ProtocolError
from pyrpc.wire import limits
from pyrpc.wire.source import Source

# Thrift's wire types.
STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4

_VERSION_1 = 0x80010000
_FIXED = {BOOL: 1, BYTE: 1, DOUBLE: 8, I16: 2, I32: 4, I64: 8}
_i16 = struct.Struct(">h")
_i32 = struct.Struct(">i")
_i64 = struct.Struct(">q")
_double = struct.Struct(">d")
_field = struct.Struct(">Bh")
_list = struct.Struct(">Bi")
_map = struct.Struct(">BBi")
_message = struct.Struct(">Ii")
_u32 = struct.Struct(">I")


class BinaryReader:
    """Reads TBinaryProtocol (strict) from a Source.

    ``place`` is asked for memory for each Tensor of a reply: see wire/tensor.py. ``needs_crc32c``: a Tensor without a
    checksum is refused (one that has it is always checked).
    """

    __slots__ = ("depth", "items", "keys", "needs_crc32c", "place", "room", "source")

    is_compact = False
    # Of one container.
    max_items = limits.CONTAINER_ITEMS

    def __init__(self, source: Source) -> None:
        self.source = source
        self.depth = 0
        self.items = 0
        # What its objects may still take: see ``spend``.
        self.room = limits.OBJECT_FACTOR * source.unread() + limits.OBJECT_BYTES
        # The keys of its maps: rows of a table have the same ones.
        self.keys: dict[bytes, str] = {}
        self.place: object = None
        self.needs_crc32c = False

    def message(self) -> tuple[str, int, int]:
        """Name, type and sequence number of the message."""
        s = self.source
        p = s.take(8)
        version, size = _message.unpack_from(s.buf, p)
        if version & 0xFFFF0000 != _VERSION_1:
            raise ProtocolError(
                "not a Thrift message", expected="TBinaryProtocol (strict)", got=bytes(s.buf[p : p + 8]).hex(" ")
            )
        name = self._text(size, limits.METHOD_NAME_BYTES * 2)
        return name, version & 0xFF, self.i32()

    def push(self) -> None:
        """Nothing to do: only the compact protocol has state per struct."""

    def pop(self) -> None:
        """Nothing to do."""

    def field(self) -> tuple[int, int]:
        """Wire type and id of the next field; type STOP (0) ends the struct."""
        s = self.source
        p = s.pos
        if p + 3 > s.stop:
            return self._field_at_edge()
        kind = s.buf[p]
        if kind == STOP:
            s.pos = p + 1
            return 0, 0
        s.pos = p + 3
        return kind, s.buf[p + 1] << 8 | s.buf[p + 2]

    def _field_at_edge(self) -> tuple[int, int]:
        s = self.source
        kind = s.buf[s.take(1)]
        if kind == STOP:
            return 0, 0
        p = s.take(2)
        return kind, s.buf[p] << 8 | s.buf[p + 1]

    def bool_(self) -> bool:
        s = self.source
        return s.buf[s.take(1)] != 0

    def byte(self) -> int:
        s = self.source
        value = s.buf[s.take(1)]
        return value - 256 if value > 127 else value

    def i16(self) -> int:
        s = self.source
        value: int = _i16.unpack_from(s.buf, s.take(2))[0]
        return value

    def i32(self) -> int:
        s = self.source
        value: int = _i32.unpack_from(s.buf, s.take(4))[0]
        return value

    def i64(self) -> int:
        s = self.source
        value: int = _i64.unpack_from(s.buf, s.take(8))[0]
        return value

    def double(self) -> float:
        s = self.source
        value: float = _double.unpack_from(s.buf, s.take(8))[0]
        return value

    def size(self) -> int:
        """Length of a string or binary, checked against the frame."""
        s = self.source
        size: int = _i32.unpack_from(s.buf, s.take(4))[0]
        if size < 0 or size > s.stop - s.pos + s.left:
            raise s.past_end(size)
        return size

    def string(self) -> str:
        self.spend(limits.TEXT_BYTES)
        return self._text(self.size(), limits.HARD_FRAME_BYTES)

    def key(self) -> str:
        """The key of a map; the same object where it is the same text."""
        size = self.size()
        if size > limits.SMALL_BYTES:
            self.spend(limits.TEXT_BYTES)
            return decode_text(self.source, size)
        s = self.source
        p = s.take(size)
        raw = s.view[p : p + size].tobytes()
        known = self.keys.get(raw)
        if known is None:
            self.spend(limits.TEXT_BYTES + limits.BINARY_BYTES + limits.ENTRY_BYTES)
            known = self.keys[raw] = as_text(raw)
        return known

    def spend(self, nbytes: int) -> None:
        """Count memory that an object will take beside the bytes of the message that are in it.

        Raises
        ------
        ProtocolError
            All objects of the message together are too much for its size.
        """
        self.room -= nbytes
        if self.room < 0:
            raise ProtocolError(
                "a message of too many small values",
                expected=f"objects of at most {limits.OBJECT_FACTOR} times its bytes and {limits.OBJECT_BYTES} bytes",
                help="send many numbers as an array, many texts as an array of texts, or the values in several calls",
            )

    def _text(self, size: int, max_bytes: int) -> str:
        if size > max_bytes:
            raise ProtocolError("a name is too long", expected=f"at most {max_bytes} bytes", got=f"{size} bytes")
        return decode_text(self.source, size)

    def list_(self) -> tuple[int, int]:
        """Element type and count."""
        s = self.source
        kind, count = _list.unpack_from(s.buf, s.take(5))
        self._check_count(count)
        self.spend(limits.LIST_BYTES + limits.ITEM_BYTES * count)
        return kind, count

    def map_(self) -> tuple[int, int, int]:
        """Key type, value type and count."""
        s = self.source
        key, value, count = _map.unpack_from(s.buf, s.take(6))
        self._check_count(count)
        self.spend(limits.MAP_BYTES + limits.ENTRY_BYTES * count)
        return key, value, count

    def _check_count(self, count: int) -> None:
        """Refuse a container that is larger than allowed or than its frame (every item takes a byte at least)."""
        if count < 0 or count > self.max_items:
            raise ProtocolError("a container with too many items", expected=f"0 to {self.max_items}", got=str(count))
        if count > self.source.unread():
            raise self.source.past_end(count)
        self.items += count
        if self.items > limits.MESSAGE_ITEMS:
            raise ProtocolError(
                "a message with too many items", expected=f"at most {limits.MESSAGE_ITEMS} in all its containers"
            )

    def skip(self, kind: int) -> None:
        """Read past a value that nobody knows."""
        s = self.source
        fixed = _FIXED.get(kind)
        if fixed is not None:
            s.take(fixed)
        elif kind == STRING:
            skip_bytes(s, self.size())
        else:
            skip_nested(self, kind)


class BinaryWriter:
    """Collects the parts of a message; small parts are joined when they are sent.

    ``adds_crc32c``: each Tensor gets a checksum.
    """

    __slots__ = ("adds_crc32c", "parts")

    is_compact = False

    def __init__(self, adds_crc32c: bool = False) -> None:
        self.parts: list[bytes | memoryview] = []
        self.adds_crc32c = adds_crc32c

    def message(self, name: str, kind: int, seqid: int) -> None:
        raw = name.encode()
        self.parts.append(_message.pack(_VERSION_1 | kind, len(raw)) + raw + _i32.pack(seqid))

    def push(self) -> None:
        """Nothing to do."""

    def pop(self) -> None:
        """Nothing to do."""

    def field(self, kind: int, fid: int) -> None:
        self.parts.append(_field.pack(kind, fid))

    def field_bool(self, fid: int, value: bool) -> None:
        self.parts.append(_field.pack(BOOL, fid) + (b"\1" if value else b"\0"))

    def stop(self) -> None:
        self.parts.append(b"\0")

    def bool_(self, value: bool) -> None:
        self.parts.append(b"\1" if value else b"\0")

    def byte(self, value: int) -> None:
        self.parts.append(struct.pack(">b", value))

    def i16(self, value: int) -> None:
        self.parts.append(_i16.pack(value))

    def i32(self, value: int) -> None:
        self.parts.append(_i32.pack(value))

    def i64(self, value: int) -> None:
        self.parts.append(_i64.pack(value))

    def double(self, value: float) -> None:
        self.parts.append(_double.pack(value))

    def size(self, value: int) -> None:
        self.parts.append(_i32.pack(value))

    def string(self, value: str) -> None:
        raw = value.encode()
        self.parts.append(_i32.pack(len(raw)) + raw)

    def list_(self, kind: int, count: int) -> None:
        self.parts.append(_list.pack(kind, count))

    def map_(self, key: int, value: int, count: int) -> None:
        self.parts.append(_map.pack(key, value, count))


def decode_text(s: Source, size: int) -> str:
    """The next size bytes as UTF-8."""
    if size < 0 or size > s.unread():
        raise s.past_end(size)
    if size <= limits.SMALL_BYTES:
        p = s.take(size)
        raw = s.buf[p : p + size]
    else:
        raw = bytearray(size)
        s.read_into(memoryview(raw))
    return as_text(raw)


def as_text(raw: bytes | bytearray) -> str:
    """Bytes as UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("a string is not UTF-8", got=str(error)) from None


def skip_bytes(s: Source, size: int) -> None:
    """Throw size bytes away."""
    while size > 0:
        step = min(size, limits.SMALL_BYTES)
        s.take(step)
        size -= step


def skip_nested(r: BinaryReader, kind: int) -> None:
    """Skip a struct or container, at most NESTING deep; shared with the compact reader, which has the same verbs."""
    r.depth += 1
    if r.depth > limits.NESTING:
        raise ProtocolError("values are nested too deep", expected=f"at most {limits.NESTING} levels")
    if kind == STRUCT:
        r.push()
        while (inner := r.field()[0]) != STOP:
            r.skip(inner)
        r.pop()
    elif kind in (LIST, SET):
        inner, count = r.list_()
        for _ in range(count):
            r.skip(inner)
    elif kind == MAP:
        key, value, count = r.map_()
        for _ in range(count):
            r.skip(key)
            r.skip(value)
    else:
        raise ProtocolError("an unknown wire type", got=str(kind))
    r.depth -= 1
