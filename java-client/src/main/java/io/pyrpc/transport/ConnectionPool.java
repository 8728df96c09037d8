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
    /** A connection that rested longer is asked whether the peer is still there, which costs a system call. */
    private static final Duration TRUSTED_IDLE = Duration.ofMillis(50);
    private static final int MOST_IDLE = 64;

    private final Endpoint endpoint;
    private final Duration connectTimeout;
    private final TlsContext tls;
    private final boolean checksums;
    private final long trustedIdleNanos;
    private final Deque<Connection> idle = new ConcurrentLinkedDeque<>();
    private volatile Runnable onRested = () -> {};
    private volatile boolean isClosed;

    /**
     * For one endpoint.
     *
     * @param tls null: without
     * @param checksums whether arrays are checked on both ways
     * @throws io.pyrpc.errors.ConfigException a file of {@code tls} cannot be used
     */
    public ConnectionPool(Endpoint endpoint, Duration connectTimeout, Tls tls, boolean checksums) {
        this(endpoint, connectTimeout, tls, checksums, TRUSTED_IDLE);
    }

    ConnectionPool(Endpoint endpoint, Duration connectTimeout, Tls tls, boolean checksums, Duration trustedIdle) {
        this.endpoint = endpoint;
        this.connectTimeout = connectTimeout;
        this.tls = tls == null ? null : TlsContext.of(tls);
        this.checksums = checksums;
        this.trustedIdleNanos = trustedIdle.toNanos();
    }

    public Endpoint endpoint() {
        return endpoint;
    }

    /** Whether arrays are checked on both ways. */
    public boolean hasChecksums() {
        return checksums;
    }

    /** Told in the thread of each caller that finds no connection in steady use; must neither block nor throw. */
    public void onRested(Runnable listener) {
        onRested = listener;
    }

    /**
     * A connection that nobody else has until it is given back; may block while connecting.
     *
     * @param deadline for connecting, together with the pool's own timeout
     * @throws io.pyrpc.errors.UnreachableException nobody answers
     */
    public Connection take(long deadline) {
        while (true) {
            Connection connection = idle.pollFirst();
            if (connection == null) {
                onRested.run();
                long own = System.nanoTime() + connectTimeout.toNanos();
                boolean isSooner = deadline != Connection.NO_DEADLINE && deadline - own < 0;
                return Connection.open(endpoint, isSooner ? deadline : own, tls, checksums);
            }
            if (System.nanoTime() - connection.usedAt() < trustedIdleNanos) {
                return connection;
            }
            onRested.run();
            if (connection.isAlive()) {
                return connection;
            }
            connection.close();
        }
    }

    /** Return a connection; one that was closed is dropped. */
    public void giveBack(Connection connection) {
        if (!connection.isOpen() || idle.size() >= MOST_IDLE) {
            connection.close();
            return;
        }
        idle.addFirst(connection);
        // Asked last: a pool that is closed just now may have looked before this one was there.
        if (isClosed) {
            dropIdle();
        }
    }

    /** Close what nobody uses, e.g. after the node died: the others lead to the same dead process. */
    public void dropIdle() {
        for (Connection found = idle.pollFirst(); found != null; found = idle.pollFirst()) {
            found.close();
        }
    }

    /** Close all that is idle now, and the rest when it comes back. */
    @Override
    public void close() {
        isClosed = true;
        dropIdle();
    }
}
