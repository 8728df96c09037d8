package io.pyrpc.client;

import io.pyrpc.transport.Connection;
import io.pyrpc.wire.CallRequest;
import java.util.concurrent.atomic.AtomicBoolean;

/** An attempt at a single call that was sent and is waited for. */
final class Sent {
    private final Node at;
    private final int node;
    private final Connection connection;
    private final CallRequest request;
    private final double beganS;
    private final AtomicBoolean isEnded = new AtomicBoolean();

    Sent(Node at, int node, Connection connection, CallRequest request, double beganS) {
        this.at = at;
        this.node = node;
        this.connection = connection;
        this.request = request;
        this.beganS = beganS;
    }

    /** Index of its node. */
    int node() {
        return node;
    }

    double beganS() {
        return beganS;
    }

    /** Whether bytes of its reply, or the end of the stream, come in that time. */
    boolean await(long nanos) {
        return connection.await(nanos);
    }

    /** The value of its reply; the connection goes back to its pool. */
    Object receive(Deadline deadline) {
        try {
            return connection.receive(request, deadline.nanos(), null).value();
        } finally {
            giveBack();
        }
    }

    /** Its reply is of no use any more. The connection is closed, which is what the node gets to know. */
    void cancel() {
        if (isEnded.compareAndSet(false, true)) {
            connection.abort();
            at.giveBack(connection);
        }
    }

    private void giveBack() {
        if (isEnded.compareAndSet(false, true)) {
            at.giveBack(connection);
        }
    }
}
