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
METHOD_NAME_BYTES = 128
NESTING = 64
# Windows for reading: what is read ahead while parsing, and what is worth a recv of its own.
READ_AHEAD_BYTES = 65536
# A larger read holds the socket while what is in flight outgrows the caches: 31 ms become 25 for 64 MiB there and back.
RECEIVE_BYTES = 256 * 1024
SMALL_BYTES = 16384
