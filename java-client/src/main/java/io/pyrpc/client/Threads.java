package io.pyrpc.client;

import io.pyrpc.errors.CancelledException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads that are kept for a while: work starts at once, never behind other work that may block for ever. Daemon
 * threads: they do not keep a program alive. Thread-safe.
 */
final class Threads implements Executor {
    private static final Logger LOG = LoggerFactory.getLogger("io.pyrpc.threads");
    private static final long KEPT_S = 30;

    private final ThreadPoolExecutor pool;
    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();

    Threads(String name) {
        AtomicInteger number = new AtomicInteger();
        ThreadFactory factory = task -> {
            Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            threads.removeIf(other -> other.getState() == Thread.State.TERMINATED);
            threads.add(thread);
            return thread;
        };
        pool = new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, KEPT_S, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
    }

    /** Run a task in the background; what it throws is logged. False: the threads were closed. */
    boolean run(Runnable task) {
        try {
            pool.execute(() -> runLogged(task));
            return true;
        } catch (RejectedExecutionException closed) {
            return false;
        }
    }

    /** The same; refused once the threads were closed. */
    @Override
    public void execute(Runnable task) {
        if (!run(task)) {
            throw new CancelledException("the client is closed");
        }
    }

    private static void runLogged(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException error) {
            LOG.error("a background task failed", error);
        }
    }

    /** Take no more tasks, and wait so long at most until those that run have ended, unless called by one of them. */
    void close(Duration wait) {
        pool.shutdown();
        if (threads.contains(Thread.currentThread())) {
            return;
        }
        long until = System.nanoTime() + wait.toNanos();
        try {
            for (Thread thread : threads) {
                // Of 0 ms it would wait for ever.
                thread.join(Math.max(1, (until - System.nanoTime()) / 1_000_000));
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        long left = threads.stream().filter(Thread::isAlive).count();
        if (left > 0) {
            LOG.warn("{} threads of a closed client still run", left);
        }
    }
}
