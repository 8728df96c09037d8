"""The limits of the wire and the reason for each; SPEC.md lists them for other languages."""

from __future__ import annotations

# What stock Thrift runtimes take by default (Python 0.25, Java, Go, C++). It holds until the peer announces more.
STOCK_FRAME_BYTES = 16_384_000
# A frame's length is a signed 32-bit number and runtimes reserve the top bits.
HARD_FRAME_BYTES = 2**30 - 1
# Small enough to travel under STOCK_FRAME_BYTES with any header, large enough to hide the cost of a call.
CHUNK_BYTES = 8 * 2**20
NDIM = 32
# One 16 MB frame of tiny structs took a stock decoder to 1.7 GB: containers stay small, bulk goes into a Tensor.
CONTAINER_ITEMS = 4096
# The same for all containers of a message together, or nesting would get round it.
MESSAGE_ITEMS = 2**20
# A node that asks for tokens takes larger frames only on connections that have shown one, which stands at the end of a
# call; so anybody could make it take what he likes before it knows him. A first call with a small array still fits.
STRANGER_FRAME_BYTES = 2**20
# What a reader's objects may take beside the bytes of the message, estimated: so many times the frame, and so much on
# top. A message of small values becomes more than its bytes: an empty list is 9 bytes (3 in the compact protocol) and
# 56 in memory, so a frame of a few MB could take a hundred.
OBJECT_FACTOR = 4
OBJECT_BYTES = 4 * 2**20
# What is counted: CPython's objects as they are on 64 bits, where they are largest for their kind.
NUMBER_BYTES = 32
TEXT_BYTES = 80
BINARY_BYTES = 40
LIST_BYTES, ITEM_BYTES = 96, 10
MAP_BYTES, ENTRY_BYTES = 192, 56
TENSOR_BYTES = 512
STRUCT_BYTES = 160
METHOD_NAME_BYTES = 128
NESTING = 64
# Windows for reading: what is read ahead while parsing, and what is worth a recv of its own.
READ_AHEAD_BYTES = 65536
# A larger read holds the socket while what is in flight outgrows the caches: 31 ms become 25 for 64 MiB there and back.
RECEIVE_BYTES = 256 * 1024
SMALL_BYTES = 16384
