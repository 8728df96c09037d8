package io.pyrpc.client.receipt;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * Where the time went between the lower bound of a job and its makespan, and what each node did.
 *
 * <p>With v the rows a second of a node while it ran, V their sum, and u the time it ran for rows that count, the
 * makespan T is above rows / V by the sum over nodes of v / V x (T - u): each second that a node did not work for the
 * result costs the job the node's share of the speed. Every such second gets one cause, and so the causes add up to the
 * gap, exactly. A node that answered nothing has shown no speed: it counts neither in the bound nor in the causes.
 *
 * <p>The causes, each the first that holds at a moment at which none of the job's chunks runs on the node:
 *
 * <ul>
 *   <li>retries: the node ran what did not count, or all that was in flight on it came to nothing.
 *   <li>queue: a chunk waited on the node for its turn; or nothing was in flight, as the node had just refused a chunk
 *       and was left alone for a while.
 *   <li>transfer: a chunk or its result was on its way, and no other chunk ran on the node meanwhile.
 *   <li>serialization: all that was in flight was still being prepared by the client.
 *   <li>down: nothing was in flight, as the node was lost, also where it had refused a chunk on its way out.
 *   <li>straggler: nothing was in flight, and no chunk was left that had not been handed out.
 *   <li>other: the rest.
 * </ul>
 *
 * <p>A fixed grid has a bound above rows / V, since chunks stay whole. The difference is unavoidable idleness at the
 * end: it is taken from the straggler time, and where that is not enough, from the others in the order of YIELD.
 */
public final class Causes {
    /** Names of the causes, in the order in which receipts give them. */
    public static final List<String> NAMES =
            List.of("transfer", "straggler", "queue", "retries", "serialization", "down", "other");

    private static final List<String> YIELD =
            List.of("straggler", "other", "transfer", "serialization", "queue", "down", "retries");
    private static final Set<String> REFUSALS = Set.of("OverloadedError", "DrainingError");
    private static final Set<String> LOSSES = Set.of("UnreachableError", "ConnectionLostError", "TlsError");

    private final JobRecord job;
    /** When the last result came. */
    private final double endedS;
    /** When the last chunk was sent for the first time. */
    private final double handedOutS;
    private final Map<String, List<ChunkRecord>> entries = new LinkedHashMap<>();
    private final Map<String, Spans> spans = new LinkedHashMap<>();
    private final List<NodeWork> work;
    private final double lowerBoundS;
    private final Map<String, Double> seconds;

    private record End(double atS, String errorType) {}

    /** Work out what follows from the records of a job. */
    public Causes(JobRecord job) {
        this.job = job;
        double until = job.endedS();
        endedS = latest(job.entries().stream().filter(ChunkRecord::isAnswered).mapToDouble(ChunkRecord::doneS), until);
        handedOutS = latest(
                job.entries().stream().filter(entry -> entry.attempt() == 0).mapToDouble(ChunkRecord::sentS), 0);
        job.allNodes().forEach(node -> entries.put(node, new ArrayList<>()));
        job.entries().forEach(entry -> entries.get(entry.node()).add(entry));
        entries.forEach((node, list) -> spans.put(node, new Spans(list, until)));
        long rows = job.rowsDone();
        work = entries.keySet().stream().map(node -> workOf(node, rows)).toList();
        double speed = work.stream().mapToDouble(NodeWork::rowsPerS).sum();
        double fluid = Math.min(speed != 0 ? rows / speed : 0, until);
        lowerBoundS = job.terms().isDivisible() ? fluid : Math.min(Math.max(fluid, gridS()), until);
        seconds = Collections.unmodifiableMap(causes(until - lowerBoundS, speed));
    }

    /** What each node did, in the order of the job's nodes. */
    public List<NodeWork> work() {
        return work;
    }

    /** See Bound; of the rows that were done. In seconds. */
    public double lowerBoundS() {
        return lowerBoundS;
    }

    /** Seconds of the gap by cause, all of {@link #NAMES}. */
    public Map<String, Double> seconds() {
        return seconds;
    }

    private NodeWork workOf(String node, long rowsInAll) {
        List<ChunkRecord> mine = entries.get(node);
        long rows = 0;
        long answered = 0;
        double service = 0;
        long bytesOut = 0;
        long bytesIn = 0;
        Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
        for (ChunkRecord entry : mine) {
            rows += entry.outcome() == Outcome.OK ? entry.rows() : 0;
            answered += entry.isAnswered() ? entry.rows() : 0;
            service += entry.serviceS();
            bytesOut += entry.bytesOut();
            bytesIn += entry.bytesIn();
            outcomes.merge(entry.outcome(), 1L, Long::sum);
        }
        double busy = spans.get(node).seconds[Spans.RUNNING];
        double share = rowsInAll != 0 ? (double) rows / rowsInAll : 0;
        double speed = busy != 0 ? answered / Math.max(busy, Spans.LEAST_S) : 0;
        return new NodeWork(node, rows, outcomes.getOrDefault(Outcome.OK, 0L), share, busy, service, speed,
                Collections.unmodifiableMap(outcomes), bytesOut, bytesIn);
    }

    private double gridS() {
        List<ChunkRecord> done = job.entries().stream().filter(entry -> entry.outcome() == Outcome.OK).toList();
        long largest = done.stream().mapToLong(ChunkRecord::rows).max().orElse(0);
        double quickest = done.stream()
                .filter(entry -> entry.rows() == largest)
                .mapToDouble(ChunkRecord::serviceS)
                .min()
                .orElse(0);
        double grid = Bound.gridBoundS(
                done.stream().mapToLong(ChunkRecord::rows).toArray(),
                work.stream().mapToDouble(NodeWork::rowsPerS).toArray());
        return Math.max(grid, quickest);
    }

    private Map<String, Double> causes(double gapS, double speed) {
        Map<String, Double> lost = new LinkedHashMap<>();
        NAMES.forEach(name -> lost.put(name, 0.0));
        for (NodeWork node : work) {
            // No node has shown any speed: nothing was done. Then all count alike.
            double share = speed != 0 ? node.rowsPerS() / speed : 1.0 / work.size();
            addLost(node, (cause, time) -> lost.merge(cause, share * time, Double::sum));
        }
        // What they are above the gap is what whole chunks make unavoidable, and rounding.
        double above = lost.values().stream().mapToDouble(Double::doubleValue).sum() - gapS;
        for (String cause : YIELD) {
            double given = above > 0 ? Math.min(lost.get(cause), above) : 0;
            lost.merge(cause, -given, Double::sum);
            above -= given;
        }
        lost.merge("other", Math.max(0, -above), Double::sum);
        return lost;
    }

    @FunctionalInterface
    private interface Loss {
        void add(String cause, double seconds);
    }

    /** Cause and seconds of what a node did not spend on rows that count. */
    private void addLost(NodeWork node, Loss loss) {
        Spans mine = spans.get(node.node());
        if (node.rowsPerS() != 0) {
            loss.add("retries", Math.max(0, mine.seconds[Spans.RUNNING] - node.rows() / node.rowsPerS()));
        }
        loss.add("retries", mine.seconds[Spans.UNANSWERED]);
        loss.add("queue", mine.seconds[Spans.QUEUED]);
        loss.add("transfer", mine.seconds[Spans.TRANSFER]);
        loss.add("serialization", mine.seconds[Spans.PREPARING]);
        List<End> ends = entries.get(node.node()).stream()
                .map(entry -> new End(entry.doneS(), entry.errorType() == null ? "" : entry.errorType()))
                .sorted(Comparator.comparingDouble(End::atS).thenComparing(End::errorType))
                .toList();
        double[] probes = job.probes().stream()
                .filter(probe -> probe.node().equals(node.node()))
                .mapToDouble(ProbeRecord::atS)
                .sorted()
                .toArray();
        for (Spans.Span idle : mine.idle) {
            addIdle(idle, entries.get(node.node()), ends, probes, loss);
        }
    }

    private static double latest(DoubleStream times, double otherwise) {
        return times.max().orElse(otherwise);
    }

    /** Why a node had nothing in flight: cause and seconds, which add up to the whole time. */
    private void addIdle(Spans.Span idle, List<ChunkRecord> mine, List<End> ends, double[] probes, Loss loss) {
        double start = idle.startS();
        double stop = idle.stopS();
        if (stop > endedS) {
            loss.add("other", stop - Math.max(start, endedS));
            stop = endedS;
        }
        if (stop <= start) {
            return;
        }
        int before = countUntil(ends, start);
        Set<String> errors = errorsSinceGiven(mine, start);
        boolean isFoundLost = before < ends.size() && LOSSES.contains(ends.get(before).errorType);
        if (errors.stream().anyMatch(LOSSES::contains)
                || wasProbed(probes, start, stop)
                || (isFoundLost && errors.contains("DrainingError"))) {
            loss.add("down", stop - start);
        } else if (errors.stream().anyMatch(REFUSALS::contains)) {
            loss.add("queue", stop - start);
        } else if (before == 0) {
            loss.add("other", stop - start);
        } else if (before == ends.size()) {
            loss.add("straggler", stop - start);
        } else {
            double waitsFrom = Math.min(Math.max(start, handedOutS), stop);
            loss.add("other", waitsFrom - start);
            loss.add("straggler", stop - waitsFrom);
        }
    }

    /** Of all that ended since the node was last given something: which was the last one is a matter of chance. */
    private static Set<String> errorsSinceGiven(List<ChunkRecord> mine, double momentS) {
        double given = latest(
                mine.stream().mapToDouble(ChunkRecord::sentS).filter(sent -> sent <= momentS), 0);
        return mine.stream()
                .filter(entry -> entry.errorType() != null && given <= entry.doneS() && entry.doneS() <= momentS)
                .map(ChunkRecord::errorType)
                .collect(Collectors.toSet());
    }

    /** How many ended at that moment or before. */
    private static int countUntil(List<End> ends, double momentS) {
        int low = 0;
        int high = ends.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ends.get(middle).atS <= momentS) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private static boolean wasProbed(double[] probes, double startS, double stopS) {
        for (double probe : probes) {
            if (probe >= startS) {
                return probe <= stopS;
            }
        }
        return false;
    }
}
