package io.pyrpc.client;

import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.CallOutcome;
import io.pyrpc.plan.CallPlan;
import io.pyrpc.plan.Latencies;
import io.pyrpc.plan.balance.Balancer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * Single calls: sends them to the nodes, and again where the failure allows it. Thread-safe.
 *
 * <p>What is decided is in plan's CallPlan; this is its driver.
 */
final class Caller {
    private static final Duration REQUEST = Duration.ofSeconds(2);

    private final List<Node> nodes;
    private final CallPlan plan;
    private final Predicate<String> isIdempotent;
    private final Threads threads;
    /** Guards the plan; shared by callers that differ in their policy only, as what their plans know is shared. */
    private final Object lock;

    /**
     * A caller of its own.
     *
     * @param isIdempotent asked, by the method's name, before a call that may have run is sent again; may call a node
     */
    Caller(List<Node> nodes, CallPlan plan, Predicate<String> isIdempotent, Threads threads) {
        this(nodes, plan, isIdempotent, threads, new Object());
    }

    private Caller(List<Node> nodes, CallPlan plan, Predicate<String> isIdempotent, Threads threads, Object lock) {
        this.nodes = List.copyOf(nodes);
        this.plan = plan;
        this.isIdempotent = isIdempotent;
        this.threads = threads;
        this.lock = lock;
    }

    /** Another caller of the same nodes, with the same budget, that chooses by another policy. */
    Caller withPolicy(Balancer other) {
        synchronized (lock) {
            return new Caller(nodes, plan.withPolicy(other), isIdempotent, threads, lock);
        }
    }

    /** What pings these nodes while calls are made, and tells of it where calls look. */
    Pinger pinger(double everyS) {
        return new Pinger(nodes, plan, lock, threads, everyS);
    }

    /** Whether a node is not known to be down. */
    boolean isUp(Node node) {
        synchronized (lock) {
            return plan.healths().get(nodes.indexOf(node)).isUp();
        }
    }

    Node node(int index) {
        return nodes.get(index);
    }

    // -- calls

    /**
     * Call a method on one of the nodes and return what it gives.
     *
     * @param use told of the connection of each attempt in turn, but for a hedge; or null
     * @throws PyrpcException of the last attempt
     */
    Object call(Node.Call call, Deadline deadline, Node.ConnectionUse use) {
        double beganS = Clock.nowS();
        Latencies latencies;
        int node;
        double hedgeAfterS;
        synchronized (lock) {
            latencies = plan.latencies(call.method());
            node = plan.begin(List.of(), beganS);
            hedgeAfterS = nodes.size() == 1 ? Double.POSITIVE_INFINITY : latencies.hedgeAfterS();
        }
        Sent late = null;
        Object value = null;
        try {
            if (hedgeAfterS == Double.POSITIVE_INFINITY) {
                value = nodes.get(node).invoke(call, deadline, null, use).value();
            } else {
                Sent sent = nodes.get(node).send(node, call, deadline, deadline, beganS, use);
                if (sent.await(Math.min(Clock.nanosUntil(beganS + hedgeAfterS), deadline.remainingNanos()))) {
                    value = sent.receive(deadline);
                } else {
                    late = sent;
                }
            }
        } catch (PyrpcException failure) {
            end(node, beganS, named(failure, call.method()), null);
            return callAgain(call, deadline, List.of(node), failure, use);
        } catch (RuntimeException | Error fault) {
            forget(node);
            throw fault;
        }
        if (late != null) {
            return new HedgedCall(this, threads, call, deadline, latencies, use).run(late);
        }
        if (end(node, beganS, null, latencies)) {
            askIdempotent(call.method(), latencies);
        }
        return value;
    }

    /** Go on with a call whose first attempts failed: on another node, or not at all. */
    Object callAgain(
            Node.Call call,
            Deadline deadline,
            List<Integer> tried,
            PyrpcException failure,
            Node.ConnectionUse use) {
        Attempts<Object> attempts = new Attempts<>(
                deadline,
                () -> isIdempotent.test(call.method()),
                (node, attempt) -> node.invoke(call.withAttempt(attempt), deadline, null, use).value());
        return attempts.run(tried, failure, true);
    }

    /** ping, stages or stats from any one node. */
    <T> T request(Deadline deadline, BiFunction<Node, Deadline, T> ask) {
        // A node that hangs must not cost all of the time: another one may know.
        Attempts<T> attempts = new Attempts<>(
                deadline, () -> true, (node, attempt) -> ask.apply(node, deadline.atMost(REQUEST)));
        return attempts.run(List.of(), null, false);
    }

    /** Attempts until one succeeds or the failure says to stop. */
    private final class Attempts<T> {
        private final Deadline deadline;
        private final BooleanSupplier mayRepeat;
        private final BiFunction<Node, Integer, T> invoke;

        Attempts(Deadline deadline, BooleanSupplier mayRepeat, BiFunction<Node, Integer, T> invoke) {
            this.deadline = deadline;
            this.mayRepeat = mayRepeat;
            this.invoke = invoke;
        }

        /** Those in before had their attempts, the last with that failure (or null: none had one). */
        T run(List<Integer> before, PyrpcException failed, boolean isCall) {
            List<Integer> tried = new ArrayList<>(before);
            PyrpcException failure = failed;
            while (true) {
                if (failure != null) {
                    waitOrThrow(failure, tried);
                }
                double beganS = Clock.nowS();
                int node = isCall ? begin(tried, beganS) : beginRequest(tried, beganS);
                try {
                    T value = invoke.apply(nodes.get(node), tried.size());
                    if (isCall) {
                        end(node, beganS, null, null);
                    } else {
                        answered(node);
                    }
                    return value;
                } catch (PyrpcException error) {
                    failure = error;
                    end(node, beganS, error, null);
                } catch (RuntimeException | Error fault) {
                    forget(node);
                    throw fault;
                }
                if (failure.attempt() == null && !tried.isEmpty()) {
                    failure.addAttempt(tried.size() + 1);
                }
                tried.add(node);
            }
        }

        /** Return when the next attempt may begin; throw where there is to be none. */
        private void waitOrThrow(PyrpcException failure, List<Integer> tried) {
            // The question may cost a call of its own, so it is asked only where the answer matters.
            boolean isAsked = failure.failureClass() == FailureClass.UNKNOWN && !deadline.isOver();
            boolean isHarmless = isAsked && mayRepeat.getAsBoolean();
            OptionalDouble delayS;
            synchronized (lock) {
                delayS = plan.retryAfterS(failure, isHarmless, tried, deadline.remainingS(), Clock.nowS());
            }
            if (delayS.isEmpty()) {
                throw plan.lastError(failure, tried);
            }
            sleep(delayS.getAsDouble(), failure);
        }
    }

    private static void sleep(double seconds, PyrpcException failure) {
        long nanos = (long) Math.ceil(seconds * 1e9);
        try {
            Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            CancelledException cancelled = new CancelledException("the thread that waits was interrupted");
            cancelled.addSuppressed(failure);
            throw cancelled;
        }
    }

    // -- which node, and what came of it

    /** Choose the node of an attempt; each needs an end. */
    int begin(List<Integer> tried, double nowS) {
        synchronized (lock) {
            return plan.begin(tried, nowS);
        }
    }

    private int beginRequest(List<Integer> tried, double nowS) {
        synchronized (lock) {
            return plan.beginRequest(tried, nowS);
        }
    }

    /**
     * Tell how an attempt ended.
     *
     * @param latencies those of the method, which its time joins if it succeeded; null: it joins none
     * @return whether it is time to find out if the method may run twice
     */
    boolean end(int node, double beganS, PyrpcException failure, Latencies latencies) {
        boolean mustAsk;
        synchronized (lock) {
            plan.end(node, beganS, failure, latencies, Clock.nowS());
            mustAsk = latencies != null && nodes.size() > 1 && latencies.isIdempotent() == null
                    && latencies.medianS() > 0;
        }
        // A node that is going away will close them: a call sent on one just then would be lost.
        if (CallOutcome.of(failure) == CallOutcome.LOST) {
            nodes.get(node).dropIdle();
        }
        return mustAsk;
    }

    /** An attempt was broken off here: that tells nothing of the node. */
    void forget(int node) {
        synchronized (lock) {
            plan.forget(node);
        }
    }

    private void answered(int node) {
        synchronized (lock) {
            plan.answered(node);
        }
    }

    /** An attempt was cancelled because the other one was quicker: it took longer than that. */
    void lose(Sent sent, Latencies latencies) {
        synchronized (lock) {
            plan.lose(sent.node(), sent.beganS(), latencies, Clock.nowS());
        }
    }

    /** Another node for a hedge; -1 where the budget or the time does not allow for one. */
    int hedgeNode(int first, Deadline deadline) {
        double nowS = Clock.nowS();
        synchronized (lock) {
            return !deadline.isOver() && plan.tryHedge(nowS) ? plan.begin(List.of(first), nowS) : -1;
        }
    }

    /** Find out in the background, once, whether a method may be hedged. */
    private void askIdempotent(String method, Latencies latencies) {
        synchronized (lock) {
            if (latencies.isIdempotent() != null) {
                return;
            }
            latencies.allow(false);
        }
        threads.run(() -> {
            boolean mayRunTwice = isIdempotent.test(method);
            synchronized (lock) {
                latencies.allow(mayRunTwice);
            }
        });
    }

    /** The error; that time ran out is said of the method. */
    static PyrpcException named(PyrpcException error, String method) {
        if (error instanceof DeadlineExceededException) {
            error.addBefore(method + ": ");
        }
        return error;
    }
}
