package io.pyrpc.bench;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.nio.ByteBuffer;

/**
 * grpc-java with unary calls of bare bytes: no message is encoded, which is the least that it can do.
 *
 * <p>Its limits are raised, its window is as large as it may be, callbacks run in its own thread, and what comes is read
 * into memory that is used again.
 */
final class GrpcCaller implements Caller {
    private static final int WINDOW_BYTES = 256 * 1024 * 1024;

    private final ManagedChannel channel;
    private final MethodDescriptor<byte[], ByteBuffer> method;
    private byte[] input;
    private ByteBuffer came;

    GrpcCaller(String host, int port) {
        this.channel = NettyChannelBuilder.forAddress(host, port)
                .usePlaintext()
                .directExecutor()
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .flowControlWindow(WINDOW_BYTES)
                .build();
        this.method = MethodDescriptor.<byte[], ByteBuffer>newBuilder()
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName("Echo/echo")
                .setRequestMarshaller(new BytesMarshaller.Out())
                .setResponseMarshaller(new BytesMarshaller.In())
                .build();
    }

    @Override
    public void load(int elements) {
        input = new byte[4 * elements];
        Numbers.fill(ByteBuffer.wrap(input));
    }

    @Override
    public void echo() {
        came = ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, input);
    }

    @Override
    public ByteBuffer came() {
        return came.duplicate();
    }

    @Override
    public void drop() {
        came = null;
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
