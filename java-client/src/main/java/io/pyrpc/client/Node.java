package io.pyrpc.client;

import io.pyrpc.NodeInfo;
import io.pyrpc.NodeStats;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.plan.CallOutcome;
import io.pyrpc.transport.Connection;
import io.pyrpc.transport.ConnectionPool;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.RowPlace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** One node as the client sees it: its connections, and when jobs lost it. Thread-safe. */
class Node {
    /** Numbers for calls, unique in this process for the next two thousand million calls. */
    private static final AtomicLong CALL_IDS = new AtomicLong();

    private final String endpoint;
    private final ConnectionPool pool;
    private final String token;
    /** Those that serve a call now. */
    private final Set<Connection> used = ConcurrentHashMap.newKeySet();
    private volatile boolean isClosed;
    /** When a job lost the node last; -inf once it has answered again. */
    private volatile double lostAtS = Double.NEGATIVE_INFINITY;

    Node(String endpoint, ConnectionPool pool, String token) {
        this.endpoint = endpoint;
        this.pool = pool;
        this.token = token;
    }

    /**
     * What is to be called.
     *
     * @param rows for a chunk of a job, with its sign; null: a single call
     * @param attempt how often it was sent before
     */
    record Call(String method, List<Object> positional, Map<String, Object> named, Long rows, int attempt) {
        Call withAttempt(int number) {
            return new Call(method, positional, named, rows, number);
        }
    }

    /** Who may break a call off is told of its connection. */
    interface ConnectionUse {
        /** Before anything is sent; what it throws ends the call. */
        void begins(Connection connection);

        /** Before the connection may serve another call. */
        void ends();
    }

    String endpoint() {
        return endpoint;
    }

    /**
     * Whether calls may share a connection. An array that changed on its way back ends its connection, and with it the
     * calls behind, which may not all be made again.
     */
    boolean takesBatches() {
        return !pool.hasChecksums();
    }

    double lostAtS() {
        return lostAtS;
    }

    /** A job lost it. */
    void lost() {
        lostAtS = Clock.nowS();
    }

    /** It has answered. */
    void found() {
        lostAtS = Double.NEGATIVE_INFINITY;
    }

    /** Told in the thread of each caller that finds no connection in steady use; must neither block nor throw. */
    void onRested(Runnable listener) {
        pool.onRested(listener);
    }

    /** Close what nobody uses: it leads to a process that is gone. */
    void dropIdle() {
        pool.dropIdle();
    }

    /** Break off what runs, and close all; further calls are refused as cancelled. */
    void close() {
        isClosed = true;
        pool.close();
        used.forEach(Connection::abort);
    }

    // -- calls

    /**
     * One attempt at one call.
     *
     * @param place where arrays of the reply go, or null
     * @param use told of the connection, or null
     * @throws PyrpcException its failure class tells whether to try elsewhere
     */
    CallReply invoke(Call call, Deadline deadline, RowPlace place, ConnectionUse use) {
        Connection connection = take(deadline);
        try {
            if (use != null) {
                use.begins(connection);
            }
            return connection.invoke(request(call, deadline), deadline.nanos(), place);
        } finally {
            if (use != null) {
                use.ends();
            }
            giveBack(connection);
        }
    }

    /**
     * Send a single call and do not wait.
     *
     * @param index of this node, for whoever tells of the end
     * @param connectBy bounds the making of a connection further
     * @param use told of the connection, or null
     */
    Sent send(int index, Call call, Deadline deadline, Deadline connectBy, double beganS, ConnectionUse use) {
        Connection connection = take(connectBy);
        try {
            if (use != null) {
                use.begins(connection);
            }
            CallRequest request = request(call, deadline);
            connection.send(request, deadline.nanos());
            return new Sent(this, index, connection, request, beganS, use);
        } catch (RuntimeException | Error fault) {
            if (use != null) {
                use.ends();
            }
            giveBack(connection);
            throw fault;
        }
    }

    /** Told of each of several calls in turn. */
    interface Delivery {
        /** What came of a call: its reply, or else the error. */
        void of(int index, CallReply reply, PyrpcException error);
    }

    /**
     * Several small calls on one connection: sent one after the other, then answered one after the other. After a
     * failure of the connection all the rest get that error.
     *
     * @param deadlines of each call
     */
    void callMany(List<Call> calls, List<Deadline> deadlines, Delivery delivery) {
        Connection connection;
        try {
            connection = take(deadlines.get(0));
        } catch (PyrpcException error) {
            for (int index = 0; index < calls.size(); index++) {
                delivery.of(index, null, error);
            }
            return;
        }
        try {
            exchange(connection, calls, deadlines, delivery);
        } catch (RuntimeException | Error fault) {
            // Replies may be on their way that nobody will read.
            connection.close();
            throw fault;
        } finally {
            giveBack(connection);
        }
    }

    private void exchange(Connection connection, List<Call> calls, List<Deadline> deadlines, Delivery delivery) {
        List<CallRequest> requests = new ArrayList<>();
        PyrpcException[] errors = new PyrpcException[calls.size()];
        for (int index = 0; index < errors.length; index++) {
            requests.add(request(calls.get(index), deadlines.get(index)));
            try {
                connection.send(requests.get(index), deadlines.get(index).nanos());
            } catch (RuntimeException fault) {
                // One that cannot be encoded leaves the connection in order for the others.
                PyrpcException error = fault instanceof PyrpcException known ? known : unwritable(fault);
                Arrays.fill(errors, index, connection.isOpen() ? index + 1 : errors.length, error);
                index = connection.isOpen() ? index : errors.length;
            }
        }
        for (int index = 0; index < errors.length; index++) {
            CallReply reply = null;
            if (errors[index] == null) {
                try {
                    reply = connection.receive(requests.get(index), deadlines.get(index).nanos(), null);
                } catch (PyrpcException error) {
                    errors[index] = error;
                    if (!connection.isOpen()) {
                        Arrays.fill(errors, index + 1, errors.length, sameFate(error));
                    }
                }
            }
            delivery.of(index, reply, errors[index]);
        }
    }

    /** Of a call with an argument that does not let itself be read, such as an array that was closed. */
    private static ArgumentException unwritable(RuntimeException fault) {
        ArgumentException error =
                new ArgumentException("an argument cannot be read", Detail.NONE.withGot(fault.toString()));
        error.initCause(fault);
        return error;
    }

    /** What happened to the calls behind one whose failure closed the connection they shared. */
    private static PyrpcException sameFate(PyrpcException error) {
        if (error instanceof DrainingException) {
            return error;
        }
        return new ConnectionLostException(
                "the connection was closed by the failure of another call on it",
                Detail.NONE.withGot(error.summary()).withEndpoint(error.endpoint()));
    }

    private CallRequest request(Call call, Deadline deadline) {
        return new CallRequest(
                call.method(), call.positional(), call.named(), call.rows(), nextCallId(), call.attempt(), token,
                deadline.remainingMs(), Map.of());
    }

    private static long nextCallId() {
        return CALL_IDS.incrementAndGet() & 0x7FFFFFFF;
    }

    Connection take(Deadline deadline) {
        Connection connection = pool.take(deadline.nanos());
        used.add(connection);
        // Looked at last: a node that is closed just now may have looked before this one was there.
        if (isClosed) {
            giveBack(connection);
            throw new CancelledException("the client was closed", Detail.NONE.withEndpoint(endpoint));
        }
        return connection;
    }

    void giveBack(Connection connection) {
        used.remove(connection);
        pool.giveBack(connection);
    }

    // -- what is no call

    NodeInfo ping(Deadline deadline) {
        return with(deadline, connection -> connection.ping(deadline.nanos()));
    }

    List<StageInfo> stages(Deadline deadline) {
        return with(deadline, connection -> connection.stages(token, deadline.nanos()));
    }

    NodeStats stats(Deadline deadline) {
        return with(deadline, connection -> connection.stats(token, deadline.nanos()));
    }

    /** Leave a value on the node. */
    Ref put(Object value, Deadline deadline) {
        return with(deadline, connection -> connection.put(value, token, deadline.nanos()));
    }

    private <T> T with(Deadline deadline, Function<Connection, T> ask) {
        Connection connection = take(deadline);
        try {
            return ask.apply(connection);
        } finally {
            giveBack(connection);
        }
    }

    // -- failures

    /** Whether an error tells that the node is gone, rather than something about the call. */
    static boolean isLoss(PyrpcException error) {
        return CallOutcome.isNodeLoss(error);
    }

    static UnreachableException noneReachable(Collection<String> endpoints, String got) {
        return new UnreachableException(
                "no node can be reached",
                Detail.mismatch("at least one of " + String.join(", ", endpoints), got)
                        .withHelp("are they running? pyrpc serve module:Object --port PORT starts one"));
    }
}
