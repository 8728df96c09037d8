package io.pyrpc.client;

import io.pyrpc.transport.Connection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** A call in the background: it waits for its turn, runs, and can be cancelled. */
final class Task implements Node.ConnectionUse {
    final Node.Call call;
    final Deadline deadline;
    final CompletableFuture<Object> future = new CompletableFuture<>();
    /** The one that serves it now; under the lock of this object. */
    private Connection connection;

    Task(String method, List<Object> positional, Map<String, Object> named, Deadline deadline) {
        this.call = new Node.Call(method, positional, named, null, 0);
        this.deadline = deadline;
        future.whenComplete((value, error) -> {
            if (future.isCancelled()) {
                abort();
            }
        });
    }

    @Override
    public synchronized void begins(Connection used) {
        connection = used;
        if (future.isCancelled()) {
            used.abort();
        }
    }

    @Override
    public synchronized void ends() {
        connection = null;
    }

    private synchronized void abort() {
        if (connection != null) {
            connection.abort();
        }
    }

    /** Whether somebody waits for it. */
    boolean isWanted() {
        return !future.isDone();
    }

    void fail(Throwable error) {
        future.completeExceptionally(error instanceof CompletionException ? error.getCause() : error);
    }
}
