package io.pyrpc.plan;

import java.util.Set;

/** The node with the fewest pieces, and among these the one that is free longest. */
class Pull implements Placement {
    final JobNodes nodes;
    final Work work;
    double lookAgainAt = Double.POSITIVE_INFINITY;

    Pull(JobNodes nodes, Work work) {
        this.nodes = nodes;
        this.work = work;
    }

    @Override
    public final double lookAgainAt() {
        return lookAgainAt;
    }

    /** Nothing depends on it. */
    @Override
    public final void changed(NodeState node) {}

    @Override
    public final Placed next(double nowS) {
        NodeState node = pick(nowS);
        return node == null ? null : new Placed(node, rows());
    }

    /** Who is next; null: nobody now. */
    NodeState pick(double nowS) {
        return nodes.free.first();
    }

    /** Half of an equal share: smaller towards the end, and without a look at costs. */
    long rows() {
        return halfShare(work, nodes.size());
    }

    static long halfShare(Work work, int nodes) {
        return Math.max(1, work.rowsLeft() / (2L * nodes));
    }

    @Override
    public final NodeState bestFree(long rows, double nowS, Set<NodeState> avoid) {
        for (NodeState node : nodes.free) {
            if (!avoid.contains(node)) {
                return node;
            }
        }
        return null;
    }

    @Override
    public final boolean declines(NodeState node, long rows, double nowS, Set<NodeState> avoid) {
        return false;
    }
}
