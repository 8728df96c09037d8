// Connections to a node, with limits that suit arrays.
package io.pyrpc.bindings;

import io.pyrpc.bindings.gen.CallOptions;
import io.pyrpc.bindings.gen.Node;
import io.pyrpc.bindings.gen.Ref;
import java.time.Duration;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TCompactProtocol;
import org.apache.thrift.protocol.TMultiplexedProtocol;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.transport.TTransport;
import org.apache.thrift.transport.TTransportException;

/**
 * Open to one node. It carries one call at a time: open one for each thread.
 *
 * <p>A call that fails with a {@link TTransportException}, such as one that takes longer than the timeout, closes it: the
 * reply that was not waited for must not be taken for that of another call. After an error that the node tells it stays
 * open.
 */
public final class Connection implements AutoCloseable {
    private final TTransport transport;
    private final TProtocol protocol;
    private final CallOptions options;
    private final Node.Client node;

    private Connection(TTransport transport, ConnectionConfig config) {
        this.transport = transport;
        this.protocol = new BoundedProtocol(
                config.compact() ? new TCompactProtocol(transport) : new TBinaryProtocol(transport));
        this.options = new CallOptions().setMax_frame_bytes(config.maxFrameBytes());
        if (config.token() != null) {
            options.setToken(config.token());
        }
        this.node = new Node.Client(protocol);
    }

    /** Connects with {@link ConnectionConfig#ofDefaults}. */
    public static Connection open(String host, int port) throws TException {
        return open(host, port, ConnectionConfig.ofDefaults());
    }

    /**
     * Connects to a node and tells it how large replies may be, and the token.
     *
     * @throws TTransportException there is no connection
     * @throws io.pyrpc.bindings.gen.RpcError the node refuses the token
     */
    public static Connection open(String host, int port, ConnectionConfig config) throws TException {
        Connection connection = new Connection(opened(host, port, config), config);
        try {
            // Typed calls have no options: a node takes those that the connection has shown.
            connection.node.release(new Ref(""), connection.options());
            return connection;
        } catch (TException | RuntimeException error) {
            connection.close();
            throw error;
        }
    }

    private static TTransport opened(String host, int port, ConnectionConfig config) throws TTransportException {
        TConfiguration limits = TConfiguration.custom()
                .setMaxFrameSize(config.maxFrameBytes())
                .setMaxMessageSize(config.maxFrameBytes())
                .build();
        TTransport transport = new FramedTransport(
                new NodeSocket(limits, host, port, config), config.maxFrameBytes());
        try {
            transport.open();
            return transport;
        } catch (TTransportException error) {
            transport.close();
            String message = "no connection to the node " + host + ":" + port + ": " + error.getMessage();
            throw new TTransportException(error.getType(), message, error);
        }
    }

    /** The generic API: any stage, with values. */
    public Node.Client node() {
        return node;
    }

    /** What a generated client of one service is made with: {@code new Vision.Client(connection.service("Vision"))}. */
    public TProtocol service(String name) {
        return new TMultiplexedProtocol(protocol, name);
    }

    /** The protocol itself: for calls without the name of a service, to a node that hosts one. */
    public TProtocol protocol() {
        return protocol;
    }

    /** Options for a call of the generic API without a deadline. */
    public CallOptions options() {
        return options.deepCopy();
    }

    /** Options for a call of the generic API, with the time that is left for it. */
    public CallOptions options(Duration remaining) {
        return options().setRemaining_ms(remaining.toMillis());
    }

    /** Whether calls can be made. */
    public boolean isOpen() {
        return transport.isOpen();
    }

    /** Ends the connection; a call of another thread is given up. */
    @Override
    public void close() {
        transport.close();
    }
}
