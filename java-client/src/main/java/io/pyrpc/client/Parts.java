package io.pyrpc.client;

import io.pyrpc.Args;
import io.pyrpc.Blocks;
import io.pyrpc.Job;
import io.pyrpc.JobOptions;
import io.pyrpc.NodeInfo;
import io.pyrpc.NodeStats;
import io.pyrpc.ReduceOp;
import io.pyrpc.StageInfo;
import io.pyrpc.Tls;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.CallPlan;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import io.pyrpc.transport.ConnectionPool;
import io.pyrpc.transport.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a client is put together from; shared by its views. Thread-safe.
 *
 * <p>Closing breaks off what runs, and waits until no thread of the client is left.
 */
public final class Parts {
    /** For what every node is asked: one that hangs must not hide the others for long. */
    private static final Duration ASK = Duration.ofSeconds(5);

    private static final Logger LOG = LoggerFactory.getLogger("io.pyrpc.client");
    private static final Duration CLOSE = Duration.ofSeconds(5);

    private final List<Node> nodes;
    private final Threads threads = new Threads("pyrpc-job");
    private final Caller caller;
    private final Submitter submitter;
    private final Stages stages;
    private final Jobs jobs;
    private final Pinger pinger;
    private final Set<RunningJob<?>> running = ConcurrentHashMap.newKeySet();
    private volatile boolean isClosed;

    /**
     * What a client was built with.
     *
     * @param policy for single calls; null: the default for so many nodes
     * @param jobPolicy for jobs
     * @param window chunks in flight on each node, at most; null: found out
     * @param seed for what is chosen at random
     * @param pingInterval of the background; null: never
     */
    public record Options(Balancer policy, JobPolicy jobPolicy, Integer window, long seed, Duration pingInterval) {}

    /**
     * How the nodes are reached.
     *
     * @param endpoints with commas between, or null: what the environment says
     * @param tls null: none
     * @param token null: none
     * @param checksums whether arrays are checked on both ways
     */
    public record Way(String endpoints, Duration connectTimeout, Tls tls, String token, boolean checksums) {
        List<Node> nodes() {
            List<Node> nodes = new ArrayList<>();
            for (Endpoint endpoint : Endpoint.parseAll(endpoints)) {
                if (token != null && tls == null && !Security.isLoopback(endpoint.host())) {
                    LOG.warn(
                            "the token for {} travels without TLS: whoever listens on the way can use it", endpoint);
                }
                ConnectionPool pool = new ConnectionPool(endpoint, connectTimeout, tls, checksums);
                nodes.add(new Node(endpoint.toString(), pool, token));
            }
            return nodes;
        }
    }

    /**
     * Put together; nothing is connected yet.
     *
     * @throws ConfigException an endpoint or option that makes no sense
     */
    public Parts(Way way, Options options) {
        this(way.nodes(), options);
    }

    Parts(List<Node> nodes, Options options) {
        this.nodes = List.copyOf(nodes);
        RetryPolicy retry = RetryPolicy.ofDefaults();
        // One for calls and one for jobs: each belongs to a lock of its own.
        SplitMix64 prng = new SplitMix64(options.seed());
        SplitMix64 callsPrng = new SplitMix64(prng.nextU64());
        Balancer policy = options.policy() != null
                ? options.policy()
                : Balancers.named(Balancers.defaultPolicy(nodes.size()));
        CallPlan plan =
                new CallPlan(nodes.stream().map(Node::endpoint).toList(), policy, retry, callsPrng);
        this.stages = new Stages(this::askStages);
        this.caller = new Caller(nodes, plan, stages::isIdempotent, threads);
        this.submitter = new Submitter(caller, threads, nodes);
        this.jobs = new Jobs(nodes, retry, prng, options.window(), options.jobPolicy(), threads, stages, caller::isUp);
        Duration every = options.pingInterval();
        this.pinger = every == null || nodes.size() == 1 ? null : caller.pinger(every.toNanos() / 1e9);
    }

    private List<StageInfo> askStages(Deadline deadline) {
        return caller.request(deadline, Node::stages);
    }

    /** Names of the nodes. */
    public List<String> endpoints() {
        return nodes.stream().map(Node::endpoint).toList();
    }

    private void checkOpen() {
        if (isClosed) {
            throw new ConfigException("the client is closed", Detail.NONE.withHelp("make a new PyrpcClient"));
        }
    }

    // -- calls

    /** Single calls by one policy; a client has one, and each view with a policy of its own another one. */
    public final class Calls {
        private final Caller by;
        private final Submitter queue;

        private Calls(Caller by, Submitter queue) {
            this.by = by;
            this.queue = queue;
        }

        /** The same by another policy, whose state lives as long as this. */
        public Calls withPolicy(Balancer policy) {
            Caller other = by.withPolicy(policy);
            return new Calls(other, new Submitter(other, threads, nodes));
        }

        /** Call a method and wait for what it gives. */
        public Object call(String method, Args args, Duration timeout) {
            checkOpen();
            Task task = task(method, args, timeout);
            return by.call(task.call, task.deadline, null);
        }

        /** The same in the background. */
        public CompletableFuture<Object> submit(String method, Args args, Duration timeout) {
            checkOpen();
            return queue.submit(task(method, args, timeout));
        }

        private Task task(String method, Args args, Duration timeout) {
            return new Task(checkedName(method), args.positional(), args.named(), Deadline.after(timeout));
        }
    }

    /** Single calls by the client's own policy. */
    public Calls calls() {
        return new Calls(caller, submitter);
    }

    static String checkedName(String name) {
        if (name == null) {
            throw new ArgumentException(
                    "a method is called by its name",
                    Detail.mismatch("a text", "null")
                            .withHelp("write 'Class.method', 'module.function' or 'function'"));
        }
        return name;
    }

    // -- jobs

    /** A map in the background; typed makes its results into what the user expects. */
    public <T> Job<T> map(String stage, Args args, JobOptions options, Function<Object, T> typed) {
        checkOpen();
        return started(jobs.map(checkedName(stage), args, optionsOf(options)).as(typed));
    }

    /** A map in this thread; its result. */
    public <T> T mapHere(String stage, Args args, JobOptions options, Function<Object, T> typed) {
        checkOpen();
        return ranHere(jobs.map(checkedName(stage), args, optionsOf(options)).as(typed));
    }

    /** A map whose results are taken in the order of the rows. */
    public <T> Blocks<T> imap(String stage, Args args, JobOptions options, Function<Object, T> typed) {
        checkOpen();
        RunningJob<T> job = jobs.imap(checkedName(stage), args, optionsOf(options)).as(typed);
        job.taken(0);
        return OrderedBlocks.of(started(job));
    }

    /** A reduction in the background. */
    public <T> Job<T> reduce(String stage, ReduceOp op, Args args, JobOptions options, Function<Object, T> typed) {
        checkOpen();
        return started(jobs.reduce(checkedName(stage), args, op, optionsOf(options)).as(typed));
    }

    /** A reduction in this thread; its result. */
    public <T> T reduceHere(String stage, ReduceOp op, Args args, JobOptions options, Function<Object, T> typed) {
        checkOpen();
        return ranHere(jobs.reduce(checkedName(stage), args, op, optionsOf(options)).as(typed));
    }

    /** Without a limit of time unless the caller sets one; the client's is for single calls. */
    private static Jobs.Options optionsOf(JobOptions options) {
        return new Jobs.Options(Deadline.after(options.timeout()), options);
    }

    private <T> RunningJob<T> started(RunningJob<T> job) {
        keep(job);
        return job.start(threads);
    }

    private <T> T ranHere(RunningJob<T> job) {
        keep(job);
        return job.runHere();
    }

    private void keep(RunningJob<?> job) {
        running.add(job);
        job.onEnd(() -> running.remove(job));
        // Looked at last: a client that is closed just now may have looked before this one was there.
        if (isClosed) {
            job.close();
        }
    }

    // -- about the nodes

    /** What the nodes host; asked from one of them. */
    public List<StageInfo> stages(Duration timeout) {
        checkOpen();
        return stages.ask(Deadline.after(timeout));
    }

    /** Who answers, by endpoint. */
    public Map<String, NodeInfo> ping(Duration timeout) {
        return askAll(timeout, Node::ping);
    }

    /** Counters of each node, by endpoint. */
    public Map<String, NodeStats> stats(Duration timeout) {
        return askAll(timeout, Node::stats);
    }

    private <T> Map<String, T> askAll(Duration timeout, BiFunction<Node, Deadline, T> ask) {
        checkOpen();
        Deadline deadline = Deadline.after(timeout == null ? ASK : timeout);
        Map<String, CompletableFuture<T>> asked = new LinkedHashMap<>();
        for (Node node : nodes) {
            asked.put(node.endpoint(), CompletableFuture.supplyAsync(() -> ask.apply(node, deadline), threads));
        }
        Map<String, T> answers = new LinkedHashMap<>();
        PyrpcException failure = null;
        for (Map.Entry<String, CompletableFuture<T>> each : asked.entrySet()) {
            try {
                answers.put(each.getKey(), each.getValue().get());
            } catch (ExecutionException error) {
                if (!(error.getCause() instanceof PyrpcException known)) {
                    throw new CompletionException(error.getCause());
                }
                failure = known;
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw JobErrors.interrupted("asking the nodes");
            }
        }
        if (answers.isEmpty() && failure != null) {
            throw failure;
        }
        return answers;
    }

    // -- life

    /** Whether nothing can be called any more. */
    public boolean isClosed() {
        return isClosed;
    }

    /** Break off what runs, and wait until no thread of the client is left, for 5 s at most. */
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        if (pinger != null) {
            pinger.close();
        }
        running.forEach(RunningJob::close);
        submitter.close();
        nodes.forEach(Node::close);
        threads.close(CLOSE);
    }
}
