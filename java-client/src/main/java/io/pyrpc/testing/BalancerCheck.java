package io.pyrpc.testing;

import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.NodeView;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;

/**
 * One property suite for every balancer, pyrpc's own and yours. A policy must keep every rule below:
 *
 * <ol>
 *   <li>A pick is the index of a node: for 1 node, for 1000, for nodes in any state, as their number changes.
 *   <li>The same seed and the same views give the same picks; two instances share no state.
 *   <li>The list of views is left as it is.
 *   <li>Weights of 0 neither block nor break it, be it one of them or all.
 *   <li>Nodes that are alike share the calls: each gets between half and twice its fair share.
 *   <li>Where the policy is load-aware, a node with 100 times the calls in flight gets less than its fair share.
 * </ol>
 *
 * <pre>{@code
 * BalancerCheck.check(MyPolicy::new);
 * }</pre>
 */
public final class BalancerCheck {
    /** A call in the rounds that follow the load ends after so many more picks. */
    private static final int IN_FLIGHT = 8;

    private static final double SERVICE_S = 0.01;

    private final Supplier<? extends Balancer> make;
    private final int nodes;
    private final long seed;

    private BalancerCheck(Supplier<? extends Balancer> make, int nodes, long seed) {
        this.make = make;
        this.nodes = nodes;
        this.seed = seed;
    }

    /**
     * Check a balancing policy by all rules but that of load, with 8 nodes.
     *
     * @param make makes a new balancer, each time one without a past
     * @throws AssertionError names the rule, the seed and what was picked
     */
    public static void check(Supplier<? extends Balancer> make) {
        check(make, 8, 0, false);
    }

    /**
     * Check a balancing policy.
     *
     * @param make makes a new balancer, each time one without a past
     * @param nodes how many nodes to use for what does not depend on their number; at least 2
     * @param seed of the picks and of the views
     * @param isLoadAware whether the last rule applies
     * @throws AssertionError names the rule, the seed and what was picked
     */
    public static void check(Supplier<? extends Balancer> make, int nodes, long seed, boolean isLoadAware) {
        BalancerCheck check = new BalancerCheck(make, nodes, seed);
        check.picksAreInRange();
        check.picksAreRepeatable();
        check.zeroWeightsBreakNothing();
        for (int count : new int[] {1, 2, nodes, 30}) {
            check.isSpread(count, false);
            check.isSpread(count, true);
        }
        if (isLoadAware) {
            check.avoidsLoad(0);
            check.avoidsLoad(nodes - 1);
        }
    }

    private void picksAreInRange() {
        Run run = new Run();
        SplitMix64 draw = new SplitMix64(~seed);
        int[] first = {1, 1000, 2, 1, 3, 1000};
        for (int step = 0; step < 206; step++) {
            int count = step < first.length ? first[step] : 1 + draw.below(20);
            run.pick(anyViews(draw, count), step * 0.1);
        }
    }

    private void picksAreRepeatable() {
        List<List<Integer>> runs = new ArrayList<>();
        for (int time = 0; time < 2; time++) {
            Run run = new Run();
            SplitMix64 draw = new SplitMix64(~seed);
            List<Integer> picks = new ArrayList<>();
            for (int step = 0; step < 300; step++) {
                picks.add(run.pick(anyViews(draw, nodes), step * 0.1));
            }
            runs.add(picks);
            // An instance in between, that must not be noticed.
            new Run().pick(anyViews(draw, nodes), 0.0);
        }
        check(
                runs.get(0).equals(runs.get(1)),
                "the same seed gave different picks: " + runs.get(0) + " and " + runs.get(1));
    }

    private void zeroWeightsBreakNothing() {
        List<Double> none = Collections.nCopies(nodes, 0.0);
        List<Double> allButOne = new ArrayList<>(Collections.nCopies(nodes, 1.0));
        allButOne.set(0, 0.0);
        List<Double> onlyOne = new ArrayList<>(none);
        onlyOne.set(0, 1.0);
        for (List<Double> weights : List.of(none, allButOne, onlyOne, List.of(0.0))) {
            Run run = new Run();
            List<NodeView> views = new ArrayList<>();
            weights.forEach(weight -> views.add(view(views.size(), 0, weight)));
            for (int step = 0; step < 4 * nodes; step++) {
                run.pick(views, step);
            }
        }
    }

    /** With views that stand still, or that follow the picks. */
    private void isSpread(int count, boolean follows) {
        Run run = new Run();
        List<NodeView> views = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            views.add(view(index, 0, 1.0));
        }
        int[] got = new int[count];
        Deque<Integer> running = new ArrayDeque<>();
        for (int step = 0; step < 100 * count; step++) {
            int index = run.pick(views, step * SERVICE_S);
            got[index]++;
            if (follows) {
                addCalls(views, index, 1);
                running.add(index);
                if (running.size() > IN_FLIGHT) {
                    addCalls(views, running.remove(), -1);
                }
            }
        }
        Arrays.sort(got);
        check(
                got[0] >= 50 && got[count - 1] <= 200,
                count + " nodes that are alike got between " + got[0] + " and " + got[count - 1] + " of " + 100 * count
                        + " calls, expected 100 each");
    }

    private static void addCalls(List<NodeView> views, int index, int more) {
        views.set(index, view(index, views.get(index).inFlight() + more, 1.0));
    }

    private void avoidsLoad(int busy) {
        Run run = new Run();
        List<NodeView> views = new ArrayList<>();
        for (int index = 0; index < nodes; index++) {
            views.add(view(index, index == busy ? 100 : 1, 1.0));
        }
        int got = 0;
        for (int step = 0; step < 100 * nodes; step++) {
            got += run.pick(views, step) == busy ? 1 : 0;
        }
        check(got < 50, "a node with 100 times the load got " + got + " of " + 100 * nodes + " calls");
    }

    /** The picks of one instance. */
    private final class Run {
        private final Balancer balancer = make.get();
        private final SplitMix64 prng = new SplitMix64(seed);

        private int pick(List<NodeView> views, double nowS) {
            List<NodeView> seen = new ArrayList<>(views);
            int index = balancer.pick(seen, prng, nowS);
            check(index >= 0 && index < views.size(), "picked " + index + " of " + views.size() + " nodes");
            check(seen.equals(views), "the list of views was changed");
            return index;
        }
    }

    private void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise + " (seed " + seed + ")");
        }
    }

    private static NodeView view(int index, int inFlight, double weight) {
        return new NodeView("10.0.0." + index + ":9090", inFlight, weight, SERVICE_S, SERVICE_S, 1.0, 0.0);
    }

    /** Nodes in any state; every fourth one has not been called yet. */
    private static List<NodeView> anyViews(SplitMix64 draw, int count) {
        List<NodeView> views = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            boolean isKnown = draw.below(4) > 0;
            double ewmaS = isKnown ? draw.uniform() : 0.0;
            double peakS = isKnown ? draw.uniform() : 0.0;
            double slowness = isKnown ? 10 * draw.uniform() : 0.0;
            double seenAt = isKnown ? draw.uniform() : 0.0;
            int inFlight = draw.below(50);
            double weight = 0.01 + 10 * draw.uniform();
            views.add(new NodeView("10.0.0." + index + ":9090", inFlight, weight, ewmaS, peakS, slowness, seenAt));
        }
        return views;
    }
}
