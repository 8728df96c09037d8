package io.pyrpc.bench;

import io.pyrpc.gen.CallOptions;
import io.pyrpc.gen.DType;
import io.pyrpc.gen.Node;
import io.pyrpc.gen.Tensor;
import io.pyrpc.gen.Value;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.transport.layered.TFastFramedTransport;
import org.apache.thrift.transport.layered.TFramedTransport;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransport;

/**
 * Stock Apache Thrift for Java: the client that its compiler generates of our IDL, with the limits raised.
 *
 * <p>The arguments are made once and used again. Arrays are wrapped, in and out, where setters and getters would copy.
 */
final class StockCaller implements Caller {
    private static final int MOST_BYTES = 0x3FFFFFFF;
    private static final int NESTING = 64;

    private final TTransport transport;
    private final Node.Client client;
    private final CallOptions options = new CallOptions().setMax_frame_bytes(MOST_BYTES);
    private List<Value> arguments;
    private ByteBuffer came;

    /** {@code variant}: framed, or fast-framed, which keeps its buffers from call to call. */
    StockCaller(String host, int port, String variant) throws TException {
        // No time limits, which is its fastest setting; it sets TCP_NODELAY itself.
        TSocket socket = new TSocket(new TConfiguration(MOST_BYTES, MOST_BYTES, NESTING), host, port);
        this.transport = switch (variant) {
            case "framed" -> new TFramedTransport(socket, MOST_BYTES);
            case "fast-framed" -> new TFastFramedTransport(
                    socket, TFastFramedTransport.DEFAULT_BUF_CAPACITY, MOST_BYTES);
            default -> throw new IllegalArgumentException("no variant of stock Thrift: " + variant);
        };
        transport.open();
        this.client = new Node.Client(new TBinaryProtocol(transport));
    }

    @Override
    public void load(int elements) {
        byte[] data = new byte[4 * elements];
        Numbers.fill(ByteBuffer.wrap(data));
        Tensor tensor = new Tensor();
        tensor.dtype = DType.FLOAT32;
        tensor.shape = List.of((long) elements);
        tensor.data = ByteBuffer.wrap(data);
        arguments = List.of(Value.tensor_value(tensor));
    }

    @Override
    public void echo() throws TException {
        came = client.call("Echo.echo", arguments, Map.of(), options).value.getTensor_value().data;
    }

    @Override
    public ByteBuffer came() {
        return came.slice();
    }

    @Override
    public void drop() {
        came = null;
    }

    @Override
    public void close() {
        transport.close();
    }
}
