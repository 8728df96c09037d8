package io.pyrpc.client;

import io.pyrpc.NdArray;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.wire.CallReply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Calls in the background, as many at a time as pay. Thread-safe.
 *
 * <p>A call that takes long wants a thread of its own, since its thread waits. Ten thousand calls that take nothing
 * want few threads and few connections. So the time of each method is kept, and calls that are expected to be done
 * within BATCH_S together go to one node over one connection, sent at once, answered one after the other. A method that
 * is new, or slow, is called alone.
 */
final class Submitter {
    private static final int MAX_THREADS = 64;
    private static final double BATCH_S = 0.002;
    private static final int BATCH_CALLS = 64;
    /** A batch is sent whole before its replies are read, so it must fit into the sockets' buffers. */
    private static final long BATCH_BYTES = 32 * 1024;

    private static final double QUICK_S = 0.0005;
    private static final double WEIGHT = 0.2;
    private static final int METHODS_KEPT = 1024;

    private final Caller caller;
    private final Threads threads;
    private final int quickThreads;
    private final boolean isBatching;
    /** Seconds that a call of a method runs on its node, as the nodes tell; a moving average. */
    private final Map<String, Double> tookS = new ConcurrentHashMap<>();
    // Under the lock of this object.
    private final ArrayDeque<Task> tasks = new ArrayDeque<>();
    private int running;
    /** Of those: busy with a method that is not known to be quick, for as long as that takes. */
    private int slow;

    /**
     * Of a client with these nodes: quick calls get two threads for each.
     */
    Submitter(Caller caller, Threads threads, List<Node> nodes) {
        this.caller = caller;
        this.threads = threads;
        this.quickThreads = Math.min(MAX_THREADS, 2 * nodes.size());
        this.isBatching = nodes.stream().allMatch(Node::takesBatches);
    }

    /** Queue a call; its time runs from now. */
    CompletableFuture<Object> submit(Task task) {
        boolean mustStart;
        synchronized (this) {
            tasks.add(task);
            mustStart = running < MAX_THREADS && (!isQuick(task) || running - slow < quickThreads);
            running += mustStart ? 1 : 0;
        }
        if (mustStart && !threads.run(this::work)) {
            task.fail(closed());
        }
        return task.future;
    }

    private double expectedS(Task task) {
        return tookS.getOrDefault(task.call.method(), Double.POSITIVE_INFINITY);
    }

    private boolean isQuick(Task task) {
        return expectedS(task) < QUICK_S;
    }

    /** Whoever waits for its turn waits in vain. */
    void close() {
        for (Task task = nextIfAny(); task != null; task = nextIfAny()) {
            task.fail(closed());
        }
    }

    private static CancelledException closed() {
        return new CancelledException("the client is closed");
    }

    // -- threads

    private void work() {
        for (Task task = next(); task != null; task = next()) {
            runBatch(task);
        }
    }

    /** The next task; null: there is none, and this thread ends. */
    private synchronized Task next() {
        Task task = tasks.poll();
        running -= task == null ? 1 : 0;
        return task;
    }

    /** Another task for a batch, if there is one. */
    private synchronized Task nextIfAny() {
        return tasks.poll();
    }

    /** Do something for a task; while it may take long, those behind the task get another thread. */
    private void occupied(Task task, Runnable action) {
        if (isQuick(task)) {
            action.run();
            return;
        }
        boolean mustStart;
        synchronized (this) {
            slow++;
            mustStart = !tasks.isEmpty() && running < MAX_THREADS;
            running += mustStart ? 1 : 0;
        }
        if (mustStart) {
            // Where it cannot start the client is closed, and its tasks have failed.
            threads.run(this::work);
        }
        try {
            action.run();
        } finally {
            synchronized (this) {
                slow--;
            }
        }
    }

    // -- one call

    private void runAlone(Task task) {
        if (!task.isWanted()) {
            return;
        }
        try {
            if (task.deadline.isOver()) {
                throw tooLate(task.call.method());
            }
            task.future.complete(caller.call(task.call, task.deadline, task));
        } catch (RuntimeException | Error error) {
            task.fail(error);
        }
    }

    private void learn(String method, double seconds) {
        if (tookS.size() >= METHODS_KEPT) {
            tookS.clear();
        }
        tookS.merge(method, seconds, (known, now) -> known + WEIGHT * (now - known));
    }

    // -- many calls

    /** Send what waits behind the first task with it, as long as all of it is small and quick. */
    private void runBatch(Task first) {
        List<Task> batch = new ArrayList<>();
        Task odd = null;
        long bytes = 0;
        double expected = 0;
        Task task = first;
        while (task != null) {
            long size = sizeOf(task);
            // A method of which nothing is known begins a batch, to be learned of, and ends it.
            if (size < 0 || !batch.isEmpty() && !isQuick(task)) {
                odd = task;
                break;
            }
            if (task.isWanted()) {
                batch.add(task);
                bytes += size;
                expected += expectedS(task);
            }
            boolean isFull = expected >= BATCH_S || bytes >= BATCH_BYTES || batch.size() >= BATCH_CALLS;
            task = isFull ? null : nextIfAny();
        }
        if (!batch.isEmpty()) {
            occupied(batch.get(0), () -> exchange(batch));
        }
        if (odd != null) {
            Task alone = odd;
            occupied(alone, () -> runAlone(alone));
        }
    }

    /** About the bytes of a small call; -1: it must go alone. */
    private long sizeOf(Task task) {
        if (!isBatching || task.deadline.isNever() || task.deadline.isOver() || !task.call.named().isEmpty()) {
            return -1;
        }
        long bytes = 128L + task.call.method().length();
        for (Object value : task.call.positional()) {
            long size = smallSizeOf(value);
            if (size < 0) {
                return -1;
            }
            bytes += 64 + size;
        }
        return bytes > BATCH_BYTES ? -1 : bytes;
    }

    private static long smallSizeOf(Object value) {
        if (value instanceof NdArray array) {
            return array.byteSize();
        }
        if (value instanceof String text) {
            return 3L * text.length();
        }
        if (value instanceof byte[] bytes) {
            return bytes.length;
        }
        return value == null || value instanceof Number || value instanceof Boolean ? 8 : -1;
    }

    /** A call of a batch that failed. */
    private record Failed(Task task, PyrpcException error) {}

    private void exchange(List<Task> batch) {
        double beganS = Clock.nowS();
        List<Failed> failed = new ArrayList<>();
        int node;
        try {
            node = caller.begin(List.of(), beganS);
        } catch (RuntimeException | Error refused) {
            // The policy failed, a user's own.
            batch.forEach(task -> task.fail(refused));
            return;
        }
        PyrpcException first = null;
        try {
            caller.node(node).callMany(
                    batch.stream().map(task -> task.call).toList(),
                    batch.stream().map(task -> task.deadline).toList(),
                    (index, reply, error) -> deliver(batch.get(index), reply, error, failed));
            first = failed.isEmpty() ? null : failed.get(0).error;
        } catch (RuntimeException | Error fault) {
            // A fault of pyrpc; whatever it is, no future may be left without an end.
            batch.forEach(task -> task.fail(fault));
            failed.clear();
        } finally {
            caller.end(node, beganS, first, null);
        }
        // Each waits for its own next attempt: one after the other they would wait for the sum.
        for (Failed each : failed) {
            if (each == failed.get(failed.size() - 1) || !threads.run(() -> again(each, node))) {
                again(each, node);
            }
        }
    }

    private void deliver(Task task, CallReply reply, PyrpcException error, List<Failed> failed) {
        if (error != null) {
            failed.add(new Failed(task, error));
            return;
        }
        if (reply.load() != null) {
            learn(task.call.method(), Math.max(1, reply.load().serviceUs()) / 1e6);
        }
        task.future.complete(reply.value());
    }

    /** Let the caller decide about a failed call, as for any single one. */
    private void again(Failed failed, int node) {
        Task task = failed.task;
        try {
            if (failed.error instanceof ConnectionLostException && task.deadline.isOver()) {
                // It waited behind another call whose time-out closed the connection they shared.
                throw new DeadlineExceededException(
                        task.call.method() + " took longer than its time",
                        Detail.NONE.withEndpoint(failed.error.endpoint()));
            }
            PyrpcException error = Caller.named(failed.error, task.call.method());
            task.future.complete(caller.callAgain(task.call, task.deadline, List.of(node), error, task));
        } catch (RuntimeException | Error error) {
            task.fail(error);
        }
    }

    private static DeadlineExceededException tooLate(String method) {
        return new DeadlineExceededException(
                "no time was left to begin " + method, Detail.NONE.withHelp("give more time with timeout"));
    }
}
