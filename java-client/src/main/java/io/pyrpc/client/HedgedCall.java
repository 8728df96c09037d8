package io.pyrpc.client;

import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.Latencies;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A single call that is late: it goes to another node too, and the first reply counts. For one thread. */
final class HedgedCall {
    /** A hedge goes over a connection that is there, or quickly made: the thread that makes it also waits. */
    private static final Duration CONNECT = Duration.ofMillis(100);

    private final Caller caller;
    private final Threads threads;
    private final Node.Call call;
    private final Deadline deadline;
    private final Latencies latencies;
    private final Node.ConnectionUse use;
    private final List<Sent> running = new ArrayList<>();
    private final List<Integer> tried = new ArrayList<>();
    private final BlockingQueue<Reply> replies = new LinkedBlockingQueue<>();

    /** What came of an attempt; error is null where it has a value. */
    private record Reply(Sent sent, Object value, Throwable error) {}

    HedgedCall(
            Caller caller,
            Threads threads,
            Node.Call call,
            Deadline deadline,
            Latencies latencies,
            Node.ConnectionUse use) {
        this.caller = caller;
        this.threads = threads;
        this.call = call;
        this.deadline = deadline;
        this.latencies = latencies;
        this.use = use;
    }

    /**
     * Go on with the first attempt, which has had its time. How each attempt ended has been told when this returns.
     *
     * @throws PyrpcException no attempt has a value, and none may follow
     */
    Object run(Sent first) {
        running.add(first);
        tried.add(first.node());
        try {
            hedge(first);
            return firstValue();
        } finally {
            for (Sent sent : running) {
                sent.cancel();
                caller.lose(sent, latencies);
            }
        }
    }

    private void hedge(Sent first) {
        int node = caller.hedgeNode(first.node(), deadline);
        if (node < 0) {
            return;
        }
        tried.add(node);
        double beganS = Clock.nowS();
        try {
            Deadline connectBy = deadline.atMost(CONNECT);
            running.add(caller.node(node).send(node, call.withAttempt(1), deadline, connectBy, beganS, null));
        } catch (PyrpcException error) {
            // It is no matter: nobody asked for it.
            caller.end(node, beganS, error, null);
        } catch (RuntimeException | Error fault) {
            caller.forget(node);
            throw fault;
        }
    }

    private Object firstValue() {
        List.copyOf(running).forEach(this::receiveInBackground);
        while (true) {
            Reply reply = take();
            Sent sent = reply.sent;
            running.remove(sent);
            if (reply.error == null) {
                caller.end(sent.node(), sent.beganS(), null, latencies);
                return reply.value;
            }
            if (!(reply.error instanceof PyrpcException error)) {
                caller.forget(sent.node());
                throw new InternalException(
                        "a fault of pyrpc itself", Detail.NONE.withGot(reply.error.toString()));
            }
            caller.end(sent.node(), sent.beganS(), Caller.named(error, call.method()), null);
            if (error.failureClass() == FailureClass.FINAL || error instanceof DeadlineExceededException) {
                throw error;
            }
            if (running.isEmpty()) {
                return caller.callAgain(call, deadline, tried, error, use);
            }
        }
    }

    private void receiveInBackground(Sent sent) {
        boolean isAlone = running.size() == 1;
        if (isAlone || !threads.run(() -> receive(sent))) {
            receive(sent);
        }
    }

    private void receive(Sent sent) {
        try {
            replies.add(new Reply(sent, sent.receive(deadline), null));
        } catch (RuntimeException | Error error) {
            replies.add(new Reply(sent, null, error));
        }
    }

    private Reply take() {
        try {
            return replies.take();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw JobErrors.interrupted(call.method());
        }
    }
}
