"""What is measured: pyrpc itself and what it is measured against; each runs in processes of its own."""

from __future__ import annotations

# The variants of stock Thrift: a transport and a protocol. Here, so that naming them imports neither Thrift nor NumPy.
# TCompactProtocol was never the fastest at any size, so it is left out.
VARIANTS = ("framed-accelerated", "framed-plain", "buffered-accelerated", "buffered-plain")
