"""A client without pyrpc: Apache Thrift's own classes, and what its compiler makes of thrift/pyrpc.thrift.

    thrift --gen py thrift/pyrpc.thrift          writes gen-py/pyrpc_idl
    PYTHONPATH=gen-py python client.py 9090

The same lines exist in each of Thrift's languages: a framed transport, the binary protocol, the generated client.
"""

import struct
import sys

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport

try:
    from pyrpc_idl import Node, ttypes
except ImportError:
    # Not compiled: pyrpc keeps a copy of the same files.
    from pyrpc.wire.gen import Node, ttypes

transport = TFramedTransport(TSocket("127.0.0.1", int(sys.argv[1])))
node = Node.Client(TBinaryProtocol(transport))
transport.open()

print("protocol version:", node.ping().protocol_version)
for stage in node.stages(None):
    spec = stage.params[0].tensor
    print(f"{stage.name}({stage.params[0].name}: {'|'.join(spec.dtypes)}{spec.dims})")

# An array is a Tensor: dtype, shape, and the elements in C order, little endian.
points = ttypes.Tensor(ttypes.DType.FLOAT32, [3, 2], struct.pack("<6f", 3, 4, 6, 8, 0, 0))
# Anything that goes in or out is a Value: one field of it is set.
arguments = [ttypes.Value(tensor_value=points)]
reply = node.call("distances", arguments, {}, ttypes.CallOptions())
result = reply.value.tensor_value
print("shape:", result.shape, "values:", struct.unpack("<3f", result.data))

origin = ttypes.Value(list_value=[ttypes.Value(int_value=3), ttypes.Value(int_value=4)])
reply = node.call("distances", arguments, {"origin": origin}, ttypes.CallOptions(remaining_ms=5000))
print("values:", struct.unpack("<3f", reply.value.tensor_value.data))

# What goes wrong is one exception with a code, and says what was expected.
for method in ("distances", "distance"):
    try:
        node.call(method, [ttypes.Value(string_value="points")], {}, ttypes.CallOptions())
    except ttypes.RpcError as error:
        print(ttypes.ErrorCode._VALUES_TO_NAMES[error.code], "|", error.message, "|", error.help)

transport.close()
