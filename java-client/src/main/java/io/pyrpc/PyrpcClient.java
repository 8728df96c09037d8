package io.pyrpc;

import io.pyrpc.client.Parts;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Calls stages on one or many nodes.
 *
 * <pre>{@code
 * try (PyrpcClient client = PyrpcClient.connect("h1:9090,h2:9091")) {
 *     Object three = client.call("Maths.add", 1, 2);
 *     NdArray features = client.map("Vision.extract", images);
 * }
 * }</pre>
 *
 * <p>Thread-safe: make one and share it. Nothing is connected before the first call. Calls that wait may be
 * interrupted; they then throw CancelledException, and the interrupt stays set.
 */
public final class PyrpcClient implements AutoCloseable {
    private final Parts parts;
    private final Parts.Calls calls;
    private final Duration timeout;
    private final boolean isView;

    private PyrpcClient(Parts parts, Parts.Calls calls, Duration timeout, boolean isView) {
        this.parts = parts;
        this.calls = calls;
        this.timeout = timeout;
        this.isView = isView;
    }

    static PyrpcClient of(Parts parts, Duration timeout) {
        return new PyrpcClient(parts, parts.calls(), timeout, false);
    }

    /**
     * A client with all options as they are by default.
     *
     * @param endpoints {@code "h1:9090,h2:9091"}
     * @throws ConfigException an endpoint that cannot be read
     */
    public static PyrpcClient connect(String endpoints) {
        return builder().endpoints(endpoints).build();
    }

    /** The nodes that the environment's PYRPC_ENDPOINTS names, or the node on this machine. */
    public static PyrpcClient connect() {
        return builder().build();
    }

    /** A client with options. */
    public static PyrpcClientBuilder builder() {
        return new PyrpcClientBuilder();
    }

    // -- views

    /**
     * This client with another timeout for its single calls, all attempts included; null: no limit.
     *
     * <p>Light: it shares nodes, connections, budgets and what is known of the nodes. Closing it does nothing; it is
     * closed with this client.
     *
     * @throws ConfigException not above 0
     */
    public PyrpcClient withTimeout(Duration limit) {
        PyrpcClientBuilder.checkDuration("timeout", limit);
        return new PyrpcClient(parts, calls, limit, true);
    }

    /**
     * This client with another policy for its single calls, by its name. As light; keep it to keep the policy's state,
     * such as whose turn it is.
     *
     * @throws ConfigException no policy of that name
     */
    public PyrpcClient withPolicy(String name) {
        return new PyrpcClient(parts, calls.withPolicy(Balancers.named(name)), timeout, true);
    }

    /** This client with a policy of your own for its single calls. */
    public PyrpcClient withPolicy(Balancer balancer) {
        Objects.requireNonNull(balancer, "balancer");
        return new PyrpcClient(parts, calls.withPolicy(balancer), timeout, true);
    }

    // -- single calls

    /**
     * Call {@code Class.method}, {@code module.function} or {@code function} on one of the nodes.
     *
     * @return Long, Double, Boolean, String, byte[], NdArray, List (tuples too), Map, or null; arrays are the caller's
     *     own
     * @throws io.pyrpc.errors.CallerException the call cannot work as it is
     * @throws io.pyrpc.errors.StageFailedException the stage raised; with its traceback
     * @throws io.pyrpc.errors.UnreachableException no node could be reached
     * @throws io.pyrpc.errors.ConnectionLostException the connection broke after the call was sent
     * @throws io.pyrpc.errors.DeadlineExceededException the time is over
     */
    public Object call(String method, Object... positional) {
        return call(method, Args.of(positional));
    }

    /** The same, with arguments by name too. */
    public Object call(String method, Args args) {
        return calls.call(method, args, timeout);
    }

    /**
     * The same, with a result of a type.
     *
     * @throws BadResultException the stage gave something else
     */
    public <T> T call(Class<T> type, String method, Object... positional) {
        return call(type, method, Args.of(positional));
    }

    /** The same, with arguments by name too. */
    public <T> T call(Class<T> type, String method, Args args) {
        return typed(method, type).apply(call(method, args));
    }

    /**
     * The same in the background; at most 64 at the same time, more wait. The time runs from now.
     *
     * <p>Small calls of a method that takes less than half a millisecond share connections, up to 64 in a row: ten
     * thousand of them cost a fraction of what as many {@code call} cost. To cancel the future breaks off a call that
     * has a connection of its own. What is chained to it without an executor runs in the thread of the client that
     * reads the replies of other calls too, and must not wait for one of these.
     */
    public CompletableFuture<Object> submit(String method, Object... positional) {
        return submit(method, Args.of(positional));
    }

    /** The same, with arguments by name too. */
    public CompletableFuture<Object> submit(String method, Args args) {
        return calls.submit(method, args, timeout);
    }

    // -- jobs

    /**
     * Run a stage over the rows of arrays, on all nodes, and return its rows in order.
     *
     * @param stage gives one row for each row it gets, in one array; see {@link #mapTuple} for several
     * @param arrays split along axis 0, all together; an {@code Iterator<NdArray>} gives its rows block by block.
     *     Scalars, text, null, 0-d arrays and {@link Broadcast} go whole. They must not change until the map ends
     * @return of as many rows as the input
     * @throws io.pyrpc.errors.LengthMismatchException the arrays have different numbers of rows
     * @throws io.pyrpc.errors.ContractException an array does not fit what the stage declares; nothing was sent
     * @throws io.pyrpc.errors.StageFailedException from the first chunk that failed by its own fault
     * @throws BadResultException the stage gave another number of rows
     * @throws io.pyrpc.errors.UnreachableException all nodes were gone for 5 s
     */
    public NdArray map(String stage, Object... arrays) {
        return map(stage, Args.of(arrays), JobOptions.ofDefaults());
    }

    /** The same, with arguments by name too, which go whole. */
    public NdArray map(String stage, Args args) {
        return map(stage, args, JobOptions.ofDefaults());
    }

    /** The same with options. */
    public NdArray map(String stage, Args args, JobOptions options) {
        return parts.mapHere(stage, args, options, array(stage));
    }

    /** The same for a stage that gives a tuple of arrays. */
    public List<NdArray> mapTuple(String stage, Object... arrays) {
        return mapTuple(stage, Args.of(arrays), JobOptions.ofDefaults());
    }

    /** The same with options. */
    public List<NdArray> mapTuple(String stage, Args args, JobOptions options) {
        return parts.mapHere(stage, args, options, tuple(stage));
    }

    /** A map in the background. The arrays must not change until it ends. */
    public Job<NdArray> mapAsync(String stage, Object... arrays) {
        return mapAsync(stage, Args.of(arrays), JobOptions.ofDefaults());
    }

    /** The same with options. */
    public Job<NdArray> mapAsync(String stage, Args args, JobOptions options) {
        return parts.map(stage, args, options, array(stage));
    }

    /** The same for a stage that gives a tuple of arrays. */
    public Job<List<NdArray>> mapTupleAsync(String stage, Args args, JobOptions options) {
        return parts.map(stage, args, options, tuple(stage));
    }

    /**
     * A map as a stream: gives the rows of the result in their order, in blocks, while the job goes on.
     *
     * <p>For data larger than memory: neither the rows that go in, from an {@code Iterator<NdArray>}, nor those that
     * come out are held as a whole. The source is read, in a thread of the client, as the results are taken: what is
     * read, in flight or done and not taken stays within a few times what the nodes have in flight.
     */
    public Blocks<NdArray> imap(String stage, Object... sources) {
        return imap(stage, Args.of(sources), JobOptions.ofDefaults());
    }

    /** The same with options. */
    public Blocks<NdArray> imap(String stage, Args args, JobOptions options) {
        return parts.imap(stage, args, options, array(stage));
    }

    /** The same for a stage that gives a tuple of arrays. */
    public Blocks<List<NdArray>> imapTuple(String stage, Args args, JobOptions options) {
        return parts.imap(stage, args, options, tuple(stage));
    }

    /**
     * Run a stage over chunks of rows and fold what it gives for each into one value.
     *
     * @param stage gives an array, a number, or a list or dict of such, whose shape does not depend on the rows it gets
     * @return ((c0 + c1) + c2) + ... in the order of the rows. The leaves depend on the arrays alone, so the bits of
     *     the result are the same for any number of nodes, with or without faults, and the same as in Python
     */
    public Object reduce(String stage, ReduceOp op, Object... arrays) {
        return reduce(stage, op, Args.of(arrays), JobOptions.ofDefaults());
    }

    /** The same with options. */
    public Object reduce(String stage, ReduceOp op, Args args, JobOptions options) {
        return parts.reduceHere(stage, op, args, options, Function.identity());
    }

    /** A reduction in the background. */
    public Job<Object> reduceAsync(String stage, ReduceOp op, Args args, JobOptions options) {
        return parts.reduce(stage, op, args, options, Function.identity());
    }

    // -- about the nodes

    /** What the nodes host: names, signatures, contracts, docstrings; asked from one of them. */
    public List<StageInfo> stages() {
        return parts.stages(timeout);
    }

    /**
     * Who answers within 5 s, by endpoint; nodes that do not answer are left out.
     *
     * @throws io.pyrpc.errors.PyrpcException none of them does
     */
    public Map<String, NodeInfo> ping() {
        return parts.ping(null);
    }

    /** The same within another time. */
    public Map<String, NodeInfo> ping(Duration within) {
        PyrpcClientBuilder.checkDuration("timeout", within);
        return parts.ping(within);
    }

    /**
     * Counters of each node that answers within 5 s, by endpoint; nodes that do not answer are left out. A node with
     * worker processes answers for the one that got this client's connection.
     *
     * @throws io.pyrpc.errors.PyrpcException none of them answers
     */
    public Map<String, NodeStats> stats() {
        return parts.stats(null);
    }

    /** The same within another time. */
    public Map<String, NodeStats> stats(Duration within) {
        PyrpcClientBuilder.checkDuration("timeout", within);
        return parts.stats(within);
    }

    /** The nodes of this client. */
    public List<String> endpoints() {
        return parts.endpoints();
    }

    /** Break off what runs, and close all connections; no thread of the client is left. Of a view: nothing. */
    @Override
    public void close() {
        if (!isView) {
            parts.close();
        }
    }

    // -- types of results

    private static Function<Object, NdArray> array(String stage) {
        return value -> {
            if (value instanceof List) {
                throw new BadResultException(
                        stage + " gives a tuple of arrays",
                        Detail.NONE.withExpected("one array").withHelp("use mapTuple, mapTupleAsync or imapTuple"));
            }
            return (NdArray) value;
        };
    }

    @SuppressWarnings("unchecked")
    private static Function<Object, List<NdArray>> tuple(String stage) {
        return value -> {
            if (value instanceof NdArray) {
                throw new BadResultException(
                        stage + " gives one array",
                        Detail.NONE.withExpected("a tuple of arrays").withHelp("use map, mapAsync or imap"));
            }
            return (List<NdArray>) value;
        };
    }

    private static <T> Function<Object, T> typed(String method, Class<T> type) {
        return value -> {
            if (value != null && !type.isInstance(value)) {
                throw new BadResultException(
                        method + " gave a result of another type",
                        Detail.mismatch(type.getSimpleName(), value.getClass().getSimpleName()));
            }
            return type.cast(value);
        };
    }
}
