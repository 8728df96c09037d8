"""Stock clients get replies above 16,384,000 bytes to typed calls, once they have shown that they take them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from tests.idl import samples
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE

import pyrpc.idl
from pyrpc import Server

from .conftest import EVERYTHING, PROTOCOLS, TOP, Bindings, Everything, opened
from .everyone import Handler

LARGE = bytes(range(256)) * 66_500


def show(made: Any, bindings: Bindings, **options: Any) -> None:
    """Say it on a connection."""
    import pyrpc_idl.Node as Node

    Node.Client(made).release(bindings.shared.Ref(""), bindings.shared.CallOptions(**options))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_reply_is_as_large_as_the_connection_has_shown(bindings: Bindings, protocol: str) -> None:
    with Server(samples.Vision, port=0) as server, opened(server.endpoint, protocol, None, HARD_MAX_FRAME_SIZE) as made:
        client = bindings.Vision.Client(made)
        for _ in range(2):
            with pytest.raises(bindings.shared.RpcError) as caught:
                client.delete_(LARGE, [])
            assert caught.value.code == bindings.shared.ErrorCode.TOO_LARGE
            show(made, bindings, max_frame_bytes=HARD_MAX_FRAME_SIZE)
            assert client.delete_(LARGE, ["x"]) == LARGE + b"x"
            show(made, bindings, max_frame_bytes=16_384_000)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["from_idl", "processor"])
def test_services_with_an_idl_of_their_own_have_the_same_limit(
    everything: Everything, bindings: Bindings, kind: str, protocol: str
) -> None:
    if kind == "processor":
        server = Server(everything.Everyone.Processor(Handler(everything.types, everything.shared)), port=0)
    else:
        idl: Any = pyrpc.idl.load(EVERYTHING)
        server = Server.from_idl(idl, "Everyone", Handler(idl, idl.shared), port=0)
    with server, opened(server.endpoint, protocol, None, HARD_MAX_FRAME_SIZE) as made:
        client = everything.Everyone.Client(made)
        with pytest.raises(TApplicationException, match=r"at most 16384000 bytes"):
            client.reversed(LARGE)
        show(made, bindings, max_frame_bytes=HARD_MAX_FRAME_SIZE)
        assert client.reversed(LARGE) == LARGE[::-1]
        # Large ones may be refused as before, and small ones too.
        show(made, bindings, max_frame_bytes=1000)
        assert client.reversed(b"x" * 900) == b"x" * 900
        with pytest.raises(TApplicationException, match=r"at most 1000 bytes"):
            client.reversed(b"x" * 1000)


def test_example_of_the_documentation_works(bindings: Bindings) -> None:
    blocks = re.findall(r"^```py\n(.*?)^```", (TOP / "docs/idl.md").read_text(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if "max_frame_bytes" in block]
    with Server(samples.Vision, port=0) as server:
        assert '"127.0.0.1", 9092' in block
        names: dict[str, Any] = {}
        exec(block.replace("9092", server.endpoint.rpartition(":")[2]), names)
        x = np.ones((5_000_000, 3), np.float32)
        try:
            got = names["vision"].norm(bindings.tensor(x), 2.0)
        finally:
            names["transport"].close()
        np.testing.assert_array_equal(np.frombuffer(got.data, np.float32), samples.Vision().norm(x, 2.0))
