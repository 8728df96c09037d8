package io.pyrpc.client;

import io.pyrpc.NodeState;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.NodeException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.CallPlan;
import io.pyrpc.plan.PingPlan;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The driver of plan's PingPlan: pings in the background while the client is in use. Thread-safe.
 *
 * <p>Starting costs a call nothing: a client that was idle has no connection in steady use, so that the pool takes its
 * slow way, and that is where the pinger is told. When it ends it has seen, under the caller's lock, that no call is on
 * its way; so one that begins later finds it at rest and starts it again.
 */
final class Pinger {
    private static final double NAP_S = 1.0;

    private final List<Node> nodes;
    private final CallPlan calls;
    /** The caller's: guards both plans. */
    private final Object lock;

    private final Threads threads;
    private final PingPlan plan;
    private final AtomicBoolean isRunning = new AtomicBoolean();
    private final Semaphore look = new Semaphore(0);
    private volatile boolean isClosed;

    Pinger(List<Node> nodes, CallPlan calls, Object lock, Threads threads, double everyS) {
        this.nodes = nodes;
        this.calls = calls;
        this.lock = lock;
        this.threads = threads;
        this.plan = new PingPlan(calls.healths(), everyS);
        nodes.forEach(node -> node.onRested(this::begin));
    }

    /** A call is made: ping from now on, unless that is so already. */
    void begin() {
        if (!isClosed && isRunning.compareAndSet(false, true) && !threads.run(this::work)) {
            isRunning.set(false);
        }
    }

    /** Ping no more. */
    void close() {
        isClosed = true;
        look.release();
    }

    /** Whether it pings; not so before the first call, after a while without any, and once closed. */
    boolean isRunning() {
        return isRunning.get();
    }

    private void work() {
        synchronized (lock) {
            plan.start(Clock.nowS());
        }
        for (List<Integer> due = due(); due != null; due = due()) {
            for (int node : due) {
                if (!threads.run(() -> ping(node))) {
                    ping(node);
                }
            }
            nap();
        }
    }

    private void nap() {
        double wakeAtS;
        synchronized (lock) {
            wakeAtS = plan.wakeAt(calls.repliedAtS());
        }
        // A call may fail meanwhile, which nobody tells the pinger of.
        double seconds = Math.min(Math.max(0, wakeAtS - Clock.nowS()), NAP_S);
        try {
            look.tryAcquire((long) Math.ceil(seconds * 1e9), TimeUnit.NANOSECONDS);
            look.drainPermits();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            isClosed = true;
        }
    }

    /** Whom to ping now; null: nobody any more, and the pinger is at rest. */
    private List<Integer> due() {
        double nowS = Clock.nowS();
        synchronized (lock) {
            if (isClosed || plan.isIdle(nowS, calls.calledAtS(nowS))) {
                isRunning.set(false);
                return null;
            }
            return plan.due(nowS, calls.repliedAtS());
        }
    }

    private void ping(int index) {
        Node node = nodes.get(index);
        boolean isThere = answers(node);
        synchronized (lock) {
            double nowS = Clock.nowS();
            calls.outliers().onPing(index, nowS, isThere);
            plan.ended(index, nowS, isThere);
        }
        if (!isThere) {
            // They lead to the process that is gone, or hangs.
            node.dropIdle();
        }
        look.release();
    }

    /** Whether a node answers a ping and takes calls. */
    private boolean answers(Node node) {
        try {
            Duration timeout = Duration.ofNanos((long) (plan.timeoutS() * 1e9));
            return node.ping(Deadline.after(timeout)).state() == NodeState.SERVING;
        } catch (PyrpcException error) {
            // Whoever refuses to answer a ping is there, such as a server that has no such method.
            return !(error instanceof NodeException || error instanceof DeadlineExceededException);
        }
    }
}
