package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.NodeView;
import io.pyrpc.plan.balance.PeakEwma;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Whom a balancer of single calls, or a user's own, picks among the nodes with a free slot, which it sees in the order
 * of the job's nodes.
 *
 * <p>What it sees of a node: its pieces in flight; weight 1, a job's nodes have no other; {@code slowness}, what a row
 * takes there by the line fitted to its pieces, relative to all nodes; {@code ewmaS} and {@code peakS} are seconds a
 * row, since pieces differ in rows. Rows that may be cut are handed out as Pull does.
 *
 * <p>A view is made when its node changes, not for each pick: a pick costs what the balancer costs.
 */
final class Balanced implements Placement {
    private final Work work;
    private final JobNodes nodes;
    private final JobCost jobCost;
    private final SplitMix64 prng;
    private final String policyName;
    private final Balancer policy;
    private final Map<NodeState, Seen> seen = new HashMap<>();

    // The free nodes: their places, themselves and their views, in the same order.
    private final int[] places;
    private final List<NodeState> free = new ArrayList<>();
    private final List<NodeView> views = new ArrayList<>();
    private final List<NodeView> shown = Collections.unmodifiableList(views);

    /**
     * Nothing is known of the nodes yet.
     *
     * @param prng the balancer's source of chance
     * @param policy one that fails, or names no node, is a ConfigException of whoever asked for a node
     */
    Balanced(JobNodes nodes, Work work, JobCost jobCost, SplitMix64 prng, String policyName, Balancer policy) {
        this.nodes = nodes;
        this.work = work;
        this.jobCost = jobCost;
        this.prng = prng;
        this.policyName = policyName;
        this.policy = policy;
        this.places = new int[nodes.size() + 1];
        for (NodeState node : nodes) {
            seen.put(node, new Seen(seen.size()));
        }
    }

    @Override
    public double lookAgainAt() {
        return Double.POSITIVE_INFINITY;
    }

    /** Look at the node again: put it where it belongs among the free ones, or take it out. */
    @Override
    public void changed(NodeState node) {
        Seen known = seen.get(node);
        if (node.cost.samples() != known.samples) {
            known.learn(node);
        }
        int at = Arrays.binarySearch(places, 0, free.size(), known.place);
        if (!nodes.free.holds(node)) {
            if (at >= 0) {
                System.arraycopy(places, at + 1, places, at, free.size() - at - 1);
                free.remove(at);
                views.remove(at);
            }
        } else if (at >= 0) {
            views.set(at, view(node, known));
        } else {
            at = -at - 1;
            System.arraycopy(places, at, places, at + 1, free.size() - at);
            places[at] = known.place;
            free.add(at, node);
            views.add(at, view(node, known));
        }
    }

    private NodeView view(NodeState node, Seen known) {
        double slowness = 0.0;
        if (node.cost.samples() > 0) {
            slowness = node.cost.line().predictS(node.lastRows) / jobCost.line.predictS(node.lastRows);
        }
        return new NodeView(
                node.name, node.inFlight, 1.0, known.ewmaS, known.peakS, slowness, Math.max(0.0, node.freedAt));
    }

    /** Whom the balancer picks; null: no slot is free. */
    @Override
    public Placed next(double nowS) {
        return free.isEmpty()
                ? null
                : new Placed(picked(free, shown, nowS), Pull.halfShare(work, nodes.size()));
    }

    /** Whom it picks among those that are not to be avoided. */
    @Override
    public NodeState bestFree(long rows, double nowS, Set<NodeState> avoid) {
        List<NodeState> keptNodes = new ArrayList<>();
        List<NodeView> keptViews = new ArrayList<>();
        for (int place = 0; place < free.size(); place++) {
            if (!avoid.contains(free.get(place))) {
                keptNodes.add(free.get(place));
                keptViews.add(views.get(place));
            }
        }
        return keptNodes.isEmpty() ? null : picked(keptNodes, Collections.unmodifiableList(keptViews), nowS);
    }

    /** Never: it is the balancer's choice. */
    @Override
    public boolean declines(NodeState node, long rows, double nowS, Set<NodeState> avoid) {
        return false;
    }

    private NodeState picked(List<NodeState> among, List<NodeView> asSeen, double nowS) {
        try {
            return among.get(policy.pick(asSeen, prng, nowS));
        } catch (ConfigException error) {
            throw error;
        } catch (RuntimeException error) {
            ConfigException wrong = new ConfigException(
                    "the policy " + policyName + " failed",
                    Detail.mismatch("an index from 0 to " + (asSeen.size() - 1), error.toString()));
            wrong.initCause(error);
            throw wrong;
        }
    }

    /** What a balancer is told of a node that nobody else needs. */
    private static final class Seen {
        /** Weight of the newest latency in ewmaS. */
        private static final double NEWEST = 0.15;

        final int place;
        int samples;
        double ewmaS;
        double peakS;
        private double knownAt;

        Seen(int place) {
            this.place = place;
        }

        /** A piece was done, just now. */
        void learn(NodeState node) {
            double tookS = node.cost.lastRowS;
            ewmaS += (samples == 0 ? 1.0 : NEWEST) * (tookS - ewmaS);
            peakS = PeakEwma.observed(peakS, knownAt, tookS, node.freedAt);
            samples = node.cost.samples();
            knownAt = node.freedAt;
        }
    }
}
