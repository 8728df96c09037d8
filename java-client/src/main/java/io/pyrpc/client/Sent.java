package io.pyrpc.client;

import io.pyrpc.errors.CancelledException;
import io.pyrpc.transport.Connection;
import io.pyrpc.wire.CallRequest;

/** An attempt at a single call that was sent and is waited for. */
final class Sent {
    private final Node at;
    private final int node;
    private final Connection connection;
    private final CallRequest request;
    private final double beganS;
    /** Told of the end of the connection's use, or null. */
    private final Node.ConnectionUse use;
    // Under the lock of this object.
    private boolean isReceiving;
    private boolean isEnded;

    Sent(
            Node at, int node, Connection connection, CallRequest request, double beganS, Node.ConnectionUse use) {
        this.at = at;
        this.node = node;
        this.connection = connection;
        this.request = request;
        this.beganS = beganS;
        this.use = use;
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
        try {
            return connection.await(nanos);
        } catch (RuntimeException | Error fault) {
            end();
            throw fault;
        }
    }

    /** The value of its reply; the connection goes back to its pool. */
    Object receive(Deadline deadline) {
        synchronized (this) {
            if (isEnded) {
                throw new CancelledException("the other attempt was quicker");
            }
            isReceiving = true;
        }
        try {
            return connection.receive(request, deadline.nanos(), null).value();
        } finally {
            end();
        }
    }

    /**
     * Its reply is of no use any more. The connection is closed, which is what the node gets to know: by the thread
     * that receives, if there is one, since only that may touch it.
     */
    void cancel() {
        synchronized (this) {
            if (isEnded) {
                return;
            }
            // Under the lock: a moment later it may be in use for another call.
            connection.abort();
            if (isReceiving) {
                return;
            }
        }
        end();
    }

    private void end() {
        synchronized (this) {
            if (isEnded) {
                return;
            }
            isEnded = true;
        }
        if (use != null) {
            use.ends();
        }
        at.giveBack(connection);
    }
}
