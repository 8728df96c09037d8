package io.pyrpc.plan;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Outlier ejection: a node that fails where others do not gets no single calls for a while.
 *
 * <p>As Envoy and gRPC (A50) do it, over the backoff of {@link NodeHealth}, which answers within a tenth of a second
 * for a node that cannot be reached at all:
 *
 * <ol>
 *   <li>A node is ejected after 5 failures in a row, or when in an interval of 10 s its share of successes lies 1.9
 *       standard deviations below the mean of the nodes (at least 5 of them with at least 100 calls each).
 *   <li>For 30 s x n, at most 300 s; n counts its ejections, and goes down by one for each 30 s that it served since.
 *   <li>Never more than half of the nodes at once, rounded down, so never the last one.
 *   <li>Then one call is the probe. If it succeeds the node is back: its share grows from 10% to all in 30 s. If it
 *       fails the node is ejected again.
 *   <li>Panic: when less than half of the nodes are healthy (neither ejected nor in backoff), ejections are ignored:
 *       what few are left would fall over next. A node in backoff stays out as long as there is another, since nothing
 *       listens there.
 * </ol>
 *
 * <p>Nodes are named by their index. While {@link #isCalm} nothing needs to be asked or told but failures. Not
 * thread-safe.
 */
public final class Outliers {
    private static final int FAILURES_IN_ROW = 5;
    private static final double INTERVAL_S = 10.0;
    private static final double SIGMAS = 1.9;
    private static final int MIN_NODES = 5;
    private static final int MIN_CALLS = 100;
    private static final double EJECTION_S = 30.0;
    private static final double EJECTION_MAX_S = 300.0;
    private static final double SLOW_START_S = 30.0;
    private static final double SLOW_START_SHARE = 0.1;

    private final List<NodeHealth> healths;
    private final List<Watched> nodes;
    private double intervalEndS = Double.NEGATIVE_INFINITY;
    private double restlessUntilS = Double.NEGATIVE_INFINITY;
    private boolean isCalm = true;

    /** What is remembered of one node. */
    private static final class Watched {
        private int inRow;
        /** Of the current interval, as are the failures. */
        private long calls;

        private long failures;
        private boolean isEjected;
        private double ejectedUntilS = Double.NEGATIVE_INFINITY;
        /** Another probe may go after that, if nothing was heard of the last one. */
        private double probeUntilS = Double.NEGATIVE_INFINITY;

        private long ejections;
        /** Since when it is back; it is in slow start for the first 30 s. */
        private double servedSinceS = Double.NEGATIVE_INFINITY;

        private double rate() {
            return 1.0 - (double) failures / calls;
        }
    }

    /** Over the healths of the nodes, one each; they are told of node losses here. */
    public Outliers(List<NodeHealth> healths) {
        this.healths = List.copyOf(healths);
        nodes = Stream.generate(Watched::new).limit(healths.size()).toList();
    }

    /** Whether nothing has failed for a while, and no node is out. */
    public boolean isCalm() {
        return isCalm;
    }

    // -- what happened

    /** A call goes to a node; the first to one whose ejection is over is the probe. */
    public void onCall(int node, double nowS) {
        Watched watched = nodes.get(node);
        if (watched.isEjected && nowS >= watched.ejectedUntilS) {
            watched.probeUntilS = nowS + EJECTION_S;
        }
        healths.get(node).onCall(nowS);
    }

    /** A node answered, be it by an error of the stage. */
    public void onSuccess(int node, double nowS) {
        healths.get(node).onSuccess();
        if (isCalm) {
            return;
        }
        Watched watched = nodes.get(node);
        watched.inRow = 0;
        watched.calls++;
        // In panic a node may answer before its time is over: that is no reason to shorten it.
        if (watched.isEjected && nowS >= watched.ejectedUntilS) {
            watched.isEjected = false;
            watched.servedSinceS = nowS;
        }
        turn(nowS);
    }

    /** A node failed, by its own fault. isLost: it could not be reached or broke off, so it gets a backoff. */
    public void onFailure(int node, double nowS, boolean isLost) {
        if (isLost) {
            healths.get(node).onFailure(nowS);
        }
        watch(nowS);
        Watched watched = nodes.get(node);
        watched.inRow++;
        watched.calls++;
        watched.failures++;
        boolean isDue = watched.isEjected
                ? nowS >= watched.ejectedUntilS
                : watched.inRow >= FAILURES_IN_ROW && mayEject();
        if (isDue) {
            eject(watched, nowS);
        }
        turn(nowS);
    }

    /** A node answered a ping, or did not. That tells whether it is there, and nothing of what its calls do. */
    public void onPing(int node, double nowS, boolean isThere) {
        if (isThere) {
            healths.get(node).onSuccess();
        } else {
            healths.get(node).onFailure(nowS);
            watch(nowS);
        }
    }

    // -- who may be called

    /** Nodes a call may go to, in order, never none. One draw for each node in slow start. */
    public List<Integer> usable(double nowS, SplitMix64 prng) {
        turn(nowS);
        List<Integer> reachable = all().filter(node -> healths.get(node).isUsable(nowS)).toList();
        if (reachable.isEmpty()) {
            // The record is more likely wrong than right, and a call that is not sent fails for sure.
            return all().toList();
        }
        List<Integer> healthy = reachable.stream().filter(node -> !isEjected(node)).toList();
        if (2 * healthy.size() < nodes.size()) {
            return reachable;
        }
        List<Integer> chosen = new ArrayList<>();
        for (int node : reachable) {
            if (mayCall(nodes.get(node), nowS, prng)) {
                chosen.add(node);
            }
        }
        return chosen.isEmpty() ? healthy : chosen;
    }

    private Stream<Integer> all() {
        return IntStream.range(0, nodes.size()).boxed();
    }

    /** Share of a full node's calls that it gets: 0 while ejected, 0.1 to 1 in slow start, else 1. */
    public double share(int node, double nowS) {
        Watched watched = nodes.get(node);
        return watched.isEjected ? 0.0 : Math.min(1.0, startShare(nowS - watched.servedSinceS));
    }

    /** Whether a node is ejected, or waits for the end of its probe. */
    public boolean isEjected(int node) {
        return nodes.get(node).isEjected;
    }

    /** Whether the last call to it that was told of failed. */
    public boolean isInDoubt(int node) {
        return nodes.get(node).inRow > 0;
    }

    /** When its probe may go; minus infinity if it was never ejected. */
    public double ejectedUntilS(int node) {
        return nodes.get(node).ejectedUntilS;
    }

    // -- inside

    /** Not calm, for a while at least. */
    private void watch(double nowS) {
        if (isCalm) {
            isCalm = false;
            intervalEndS = nowS + INTERVAL_S;
        }
        restlessUntilS = nowS + 2 * INTERVAL_S;
    }

    private static boolean mayCall(Watched watched, double nowS, SplitMix64 prng) {
        if (watched.isEjected) {
            return nowS >= watched.ejectedUntilS && nowS >= watched.probeUntilS;
        }
        double servedS = nowS - watched.servedSinceS;
        // The node is left out of so many picks, rather than given a smaller weight: that works for any policy.
        return servedS >= SLOW_START_S || prng.uniform() < startShare(servedS);
    }

    private static double startShare(double servedS) {
        return Math.max(SLOW_START_SHARE, servedS / SLOW_START_S);
    }

    private boolean mayEject() {
        long ejected = nodes.stream().filter(watched -> watched.isEjected).count();
        return 2 * (ejected + 1) <= nodes.size();
    }

    private static void eject(Watched watched, double nowS) {
        if (!watched.isEjected && watched.ejections > 0) {
            long forgiven = (long) ((nowS - watched.servedSinceS) / EJECTION_S);
            watched.ejections = Math.max(0, watched.ejections - forgiven);
        }
        watched.ejections++;
        watched.isEjected = true;
        watched.ejectedUntilS = nowS + Math.min(EJECTION_MAX_S, EJECTION_S * watched.ejections);
        watched.probeUntilS = Double.NEGATIVE_INFINITY;
        watched.inRow = 0;
    }

    /** Closes an interval that is over; calm again when there is nothing left to watch. */
    private void turn(double nowS) {
        if (isCalm || nowS < intervalEndS) {
            return;
        }
        ejectBelowMean(nowS);
        for (Watched watched : nodes) {
            watched.calls = 0;
            watched.failures = 0;
        }
        intervalEndS = nowS + INTERVAL_S;
        isCalm = nowS >= restlessUntilS
                && nodes.stream().allMatch(node -> !node.isEjected && nowS - node.servedSinceS >= SLOW_START_S)
                && healths.stream().allMatch(NodeHealth::isUp);
        if (isCalm) {
            nodes.forEach(watched -> watched.inRow = 0);
        }
    }

    private void ejectBelowMean(double nowS) {
        List<Watched> judged = nodes.stream().filter(watched -> watched.calls >= MIN_CALLS).toList();
        if (judged.size() < MIN_NODES) {
            return;
        }
        double mean = sum(judged, Watched::rate) / judged.size();
        double sigma = Math.sqrt(sum(judged, node -> (node.rate() - mean) * (node.rate() - mean)) / judged.size());
        for (Watched watched : judged) {
            // Nodes that are alike have a tiny sigma, and then some node is always 1.9 of it below: no less than what
            // chance alone does to so many calls.
            double chance = Math.sqrt(Math.max(0.0, mean * (1.0 - mean)) / watched.calls);
            boolean isBelow = watched.rate() < mean - SIGMAS * Math.max(sigma, chance);
            if (isBelow && !watched.isEjected && mayEject()) {
                eject(watched, nowS);
            }
        }
    }

    /** Exact, and rounded once: the same whatever the order of the nodes. */
    private static double sum(List<Watched> judged, ToDoubleFunction<Watched> figure) {
        BigDecimal sum = BigDecimal.ZERO;
        for (Watched watched : judged) {
            sum = sum.add(new BigDecimal(figure.applyAsDouble(watched)));
        }
        return sum.doubleValue();
    }
}
