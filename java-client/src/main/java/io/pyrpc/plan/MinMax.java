package io.pyrpc.plan;

import java.util.Set;

/**
 * The earliest predicted finish.
 *
 * <p>Let {@code f} be the time at which a node would be done with one more piece. If the others would be done with all
 * that is left before {@code f}, the node would be the last to finish and everybody would wait for it: it gets nothing,
 * though it is idle. Else it gets the piece. That is list scheduling on machines of different speed with the
 * earliest-completion rule (Ibarra and Kim, 1977), with the costs of NodeCost.
 *
 * <p>What others can do until {@code f} is known from two sums over all nodes. Only where these leave it open, when
 * less than about one piece a node is left, are all nodes looked at.
 */
abstract class MinMax implements Placement {
    /** A node that has not shown its speed gets a second piece only if there are so many for each node. */
    private static final long UNSEEN_PIECES = 4;

    /** "Sooner" means at least by this share of the time in question: predictions are no better. */
    static final double MARGIN = 0.05;

    private static final double LOOK_AGAIN_S = 0.002;

    final JobNodes nodes;
    final Work work;
    final JobCost jobCost;
    final Speeds sums;
    private double lookAgainAt = Double.POSITIVE_INFINITY;

    MinMax(JobNodes nodes, Work work, JobCost jobCost) {
        this.nodes = nodes;
        this.work = work;
        this.jobCost = jobCost;
        this.sums = new Speeds(nodes, jobCost);
    }

    /** That for work of this kind. */
    static MinMax of(JobNodes nodes, Work work, JobCost jobCost) {
        return work instanceof DivisibleWork rows
                ? new MinMaxRows(nodes, rows, jobCost)
                : new MinMaxGrid(nodes, work, jobCost);
    }

    @Override
    public final double lookAgainAt() {
        return lookAgainAt;
    }

    @Override
    public final void changed(NodeState node) {
        sums.changed(node);
    }

    @Override
    public final Placed next(double nowS) {
        lookAgainAt = Double.POSITIVE_INFINITY;
        NodeState node = nodes.free.first();
        if (node == null) {
            return null;
        }
        if (jobCost.isKnown()) {
            return handOut(node, nowS);
        }
        return hasEnough(node) ? null : new Placed(node, firstRows());
    }

    /** Whether a node of which nothing is known has a piece, and there are not plenty to hide the latency with. */
    final boolean hasEnough(NodeState node) {
        return node.inFlight > 0 && work.piecesLeft() < UNSEEN_PIECES * nodes.size();
    }

    /** Rows for a node of which nothing is known. */
    abstract long firstRows();

    /** Something is known of the cost, and this node is free. */
    abstract Placed handOut(NodeState node, double nowS);

    @Override
    public final NodeState bestFree(long rows, double nowS, Set<NodeState> avoid) {
        NodeState best = null;
        double bestAt = Double.POSITIVE_INFINITY;
        for (NodeState node : nodes.free) {
            if (avoid.contains(node)) {
                continue;
            }
            if (!jobCost.isKnown()) {
                return node;
            }
            double ends = ends(node, rows, nowS);
            if (ends < bestAt) {
                best = node;
                bestAt = ends;
            }
        }
        return best;
    }

    @Override
    public final boolean declines(NodeState node, long rows, double nowS, Set<NodeState> avoid) {
        lookAgainAt = Double.POSITIVE_INFINITY;
        if (!jobCost.isKnown() || isNeeded(node, rows, work.rowsLeft() + rows, nowS)) {
            return false;
        }
        return othersAreSooner(node, rows, work.piecesLeft() + 1, nowS, avoid);
    }

    /** Whether even in theory the others could not do all before this node does one more; cheap. */
    final boolean isNeeded(NodeState node, long rows, long rowsLeft, double nowS) {
        if (node.isLate(nowS) || node.inFlight > 0 && node.cost.samples() == 0) {
            return false;
        }
        double ends = Math.max(nowS, node.startAt) + node.cost.runS(rows);
        double others = (sums.speed - node.speed) * ends - (sums.taken - node.taken);
        return others < rowsLeft;
    }

    /** When the node would be done with one more piece. */
    static double ends(NodeState node, long rows, double nowS) {
        double slowness = node.slowness(nowS);
        return node.startsAt(nowS, slowness) + slowness * node.cost.runS(rows);
    }

    /** Whether all pieces would be done by others well before this node does one of them. */
    final boolean othersAreSooner(NodeState node, long rows, long pieces, double nowS, Set<NodeState> avoid) {
        double takesS = ends(node, rows, nowS) - nowS;
        double until = nowS + takesS * (1.0 - MARGIN);
        long left = pieces;
        for (NodeState other : nodes.all()) {
            if (other == node || !other.isUsable() || avoid.contains(other)) {
                continue;
            }
            double slowness = other.slowness(nowS);
            double startsAt = other.startsAt(nowS, slowness);
            if (startsAt < until) {
                long eachLane = (long) ((until - startsAt) / (slowness * other.cost.runS(rows)));
                // Looked at by itself first, as the product may be more than a long holds.
                left = eachLane >= left ? 0 : left - other.window.lanes() * eachLane;
                if (left <= 0) {
                    lookAgain(nowS, takesS);
                    return true;
                }
            }
        }
        return false;
    }

    /** Ask again before something that takes so long would have been done. */
    final void lookAgain(double nowS, double takesS) {
        lookAgainAt = Math.min(lookAgainAt, nowS + Math.max(LOOK_AGAIN_S, takesS / 4));
    }
}
