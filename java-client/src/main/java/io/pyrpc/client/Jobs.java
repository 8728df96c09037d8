package io.pyrpc.client;

import io.pyrpc.Args;
import io.pyrpc.JobOptions;
import io.pyrpc.NdArray;
import io.pyrpc.ReduceOp;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.FixedWork;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.NodeWindow;
import io.pyrpc.plan.Partition;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.Scheduler;
import io.pyrpc.plan.SchedulerConfig;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.Stream;
import io.pyrpc.plan.Work;
import io.pyrpc.stage.Contract;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Predicate;

/** Makes jobs: from the arguments of map, imap and reduce to a scheduler, a gather and the driver. Thread-safe. */
final class Jobs {
    /** An array that is worked through in order is read in at least so many blocks. */
    private static final long BLOCKS = 64;
    /** Each of these is at most so many chunks large. */
    private static final long BLOCK_CHUNKS = 4;
    /** For how long what jobs find out of windows is good. */
    private static final double KNOWN_S = 60.0;
    /** Of how many stages that is kept. */
    private static final int STAGES_KNOWN = 256;

    private final List<Node> nodes;
    private final RetryPolicy retry;
    private final SplitMix64 prng;
    private final int window;
    private final int mostWindow;
    private final JobPolicy policy;
    private final Threads threads;
    private final Stages stages;
    private final Predicate<Node> isUp;
    // Under the lock of this object: so is prng.
    private final Map<String, Known> known = new HashMap<>();
    private long begun;

    /** What jobs found out about the windows of the nodes for a stage, and when. */
    private record Known(double atS, Map<String, NodeWindow> windows) {}

    /**
     * Of a client.
     *
     * @param window chunks in flight on each node, at most; null: found out
     * @param isUp whether single calls know of nothing that is wrong with a node
     * @throws ConfigException a window or policy that makes no sense
     */
    Jobs(
            List<Node> nodes,
            RetryPolicy retry,
            SplitMix64 prng,
            Integer window,
            JobPolicy policy,
            Threads threads,
            Stages stages,
            Predicate<Node> isUp) {
        if (window != null && window < 1) {
            throw new ConfigException(
                    "window makes no sense",
                    Detail.mismatch("a whole number, at least 1, or null", Integer.toString(window)));
        }
        this.nodes = List.copyOf(nodes);
        this.retry = retry;
        this.prng = prng;
        this.window = window == null ? NodeWindow.FIRST : window;
        this.mostWindow = window == null ? NodeWindow.mostWindow(nodes.size()) : 0;
        this.policy = policy;
        this.threads = threads;
        this.stages = stages;
        this.isUp = isUp;
    }

    /** How one job is to run. */
    record Options(Deadline deadline, JobOptions given) {
        Double chunkS() {
            return given.chunkDuration() == null ? null : (Double) (given.chunkDuration().toNanos() / 1e9);
        }
    }

    /** A job that gives rows for rows. */
    RunningJob<Object> map(String stage, Args args, Options options) {
        if (StreamArguments.isStream(args)) {
            return mapStream(stage, args, options, new RowsGather(stage, RowsGather.UNKNOWN));
        }
        JobOptions given = options.given();
        SplitArguments arguments = new SplitArguments(stage, args);
        Work work = Work.planWork(
                arguments.rows(), arguments.rowBytes(), nodes.size(), given.chunkRows(), given.chunkBytes(),
                options.chunkS());
        StageInfo info = splittable(stage, options);
        Contract contract = new Contract(info);
        Map<String, Long> sizes = contract.bind(arguments.positional(), arguments.named());
        Gather gather = new RowsGather(stage, arguments.rows());
        if (work.piecesLeft() == 0) {
            Object empty = contract.emptyResult(sizes);
            if (empty != null) {
                gather = new KnownResult(empty);
            } else {
                // The contract does not tell what no rows give; the stage itself may.
                work = new FixedWork(List.of(new Chunk(0, 0, 0)));
            }
        }
        return job(info, arguments, work, gather, options, 1);
    }

    /** A job whose results are to be taken in the order of the rows, block by block, while it goes on. */
    RunningJob<Object> imap(String stage, Args args, Options options) {
        Args source = StreamArguments.isStream(args) ? args : asStream(stage, args);
        return mapStream(stage, source, options, new PassingGather(stage));
    }

    /** A job that folds what the stage gives for each leaf. */
    RunningJob<Object> reduce(String stage, Args args, ReduceOp op, Options options) {
        JobOptions given = options.given();
        if (given.chunkDuration() != null) {
            throw new ConfigException(
                    "a reduction has no chunks of a duration",
                    Detail.NONE.withHelp("its leaves depend on the data alone; give chunkRows or chunkBytes"));
        }
        if (StreamArguments.isStream(args)) {
            Work leaves = Work.streamLeaves(given.chunkRows(), given.chunkBytes());
            StageInfo info = splittable(stage, options);
            StreamArguments streamed = new StreamArguments(stage, args, new Contract(info)::bind);
            return job(info, streamed, leaves, new FoldGather(op, RowsGather.UNKNOWN), options, -1);
        }
        SplitArguments arguments = new SplitArguments(stage, args);
        List<Chunk> chunks =
                Partition.leafGrid(arguments.rows(), arguments.rowBytes(), given.chunkRows(), given.chunkBytes());
        StageInfo info = splittable(stage, options);
        new Contract(info).bind(arguments.positional(), arguments.named());
        if (chunks.isEmpty()) {
            throw new ArgumentException(
                    "a reduction by " + stage + " over 0 rows has no result",
                    Detail.NONE.withHelp("check for rows first"));
        }
        return job(info, arguments, new FixedWork(chunks), new FoldGather(op, arguments.rows()), options, -1);
    }

    private RunningJob<Object> mapStream(String stage, Args args, Options options, Gather gather) {
        JobOptions given = options.given();
        Work work = Work.streamWork(nodes.size(), given.chunkRows(), given.chunkBytes(), options.chunkS());
        StageInfo info = splittable(stage, options);
        StreamArguments arguments = new StreamArguments(stage, args, new Contract(info)::bind);
        return job(info, arguments, work, gather, options, 1);
    }

    private StageInfo splittable(String name, Options options) {
        StageInfo info = stages.of(name, options.deadline());
        if (Boolean.FALSE.equals(info.splittable())) {
            throw new ConfigException(
                    name + " is declared splittable=False: its arrays must stay whole",
                    Detail.NONE.withHelp("use call instead of map"));
        }
        return info;
    }

    private RunningJob<Object> job(
            StageInfo info, Arguments arguments, Work work, Gather gather, Options options, int sign) {
        int first;
        long seed;
        Map<String, NodeWindow> windows;
        synchronized (this) {
            // Small jobs would else all begin with the first node.
            first = (int) (begun++ % nodes.size());
            seed = prng.nextU64();
            Known found = known.get(info.name());
            windows = found == null || Clock.nowS() - found.atS > KNOWN_S ? Map.of() : found.windows;
        }
        List<Node> turned = new ArrayList<>(nodes.subList(first, nodes.size()));
        turned.addAll(nodes.subList(0, first));
        SchedulerConfig config = SchedulerConfig.ofDefaults(retry, !Boolean.FALSE.equals(info.idempotent()))
                .withWindow(window, mostWindow, windows)
                .withPolicy(options.given().policy() == null ? policy : options.given().policy());
        List<String> names = turned.stream().map(Node::endpoint).toList();
        Scheduler scheduler = new Scheduler(work, names, new SplitMix64(seed), config);
        Scatter.Terms terms = new Scatter.Terms(
                sign, options.deadline(), isUp, options.given().progress(), found -> remember(info.name(), found));
        Stream stream = work instanceof Stream open ? open : null;
        Scatter scatter =
                new Scatter(info.name(), arguments, turned, scheduler, stream, gather, threads, terms);
        return new RunningJob<>(info.name(), scatter, gather, value -> value);
    }

    /** What a job found out, for the next one. */
    private synchronized void remember(String stage, Map<String, NodeWindow> windows) {
        if (windows.isEmpty() || mostWindow == 0) {
            return;
        }
        if (!known.containsKey(stage) && known.size() >= STAGES_KNOWN) {
            known.clear();
        }
        known.put(stage, new Known(Clock.nowS(), windows));
    }

    /** The arguments of a map with the first array as blocks of rows; the others are split beside it. */
    private static Args asStream(String stage, Args args) {
        SplitArguments arguments = new SplitArguments(stage, args); // refuses what cannot be split
        List<Object> values = new ArrayList<>(args.positional());
        int place = 0;
        while (!Arguments.isSplit(values.get(place))) {
            place++;
        }
        NdArray first = (NdArray) values.get(place);
        long rows = arguments.rows();
        long rowBytes = rows == 0 ? 1 : Math.max(1, first.byteSize() / rows);
        long most = Math.max(1, BLOCK_CHUNKS * Partition.MAX_CHUNK_BYTES / rowBytes);
        values.set(place, slices(first, Math.max(1, Math.min((rows + BLOCKS - 1) / BLOCKS, most))));
        return Args.of(values.toArray()).named(args.named());
    }

    /** An array as blocks of so many rows; views. */
    private static Iterator<NdArray> slices(NdArray array, long blockRows) {
        long rows = Arguments.rowsOf(array);
        return new Iterator<>() {
            private long start;

            @Override
            public boolean hasNext() {
                return start < rows;
            }

            @Override
            public NdArray next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                long from = start;
                start = Math.min(rows, from + blockRows);
                return array.rows(from, start);
            }
        };
    }
}
