package io.pyrpc.plan;

import java.util.Set;

/** The earliest predicted finish, for chunks that are not cut. */
final class MinMaxGrid extends MinMax {
    /** Costs beside the service itself that are worth hiding behind another piece even at the end. */
    private static final double HIDE = 0.1;

    // The sums of a moment ago, and what was left then.
    private double summedAt = Double.NEGATIVE_INFINITY;
    private long rowsThen;
    private Speeds.Sums sumsThen = new Speeds.Sums(0.0, 0.0);

    MinMaxGrid(JobNodes nodes, Work work, JobCost jobCost) {
        super(nodes, work, jobCost);
    }

    @Override
    long firstRows() {
        return 1;
    }

    @Override
    Placed handOut(NodeState node, double nowS) {
        long rows = work.nextRows();
        if (isNeeded(node, rows, work.rowsLeft(), nowS)) {
            return new Placed(node, rows);
        }
        NodeState best = earliest(rows, nowS);
        if (best == null) {
            lookAgain(nowS, node.cost.line().predictS(rows));
            return null;
        }
        if (best != node && isNeeded(best, rows, work.rowsLeft(), nowS)) {
            return new Placed(best, rows);
        }
        if (othersHavePlenty(best, rows, nowS) || othersAreSooner(best, rows, work.piecesLeft(), nowS, Set.of())) {
            return null;
        }
        return new Placed(best, rows);
    }

    /** The free node that would be done first; none of those that have work when that may as well wait. */
    private NodeState earliest(long rows, double nowS) {
        boolean isScarce = work.piecesLeft() <= nodes.size();
        NodeState best = null;
        double bestAt = Double.POSITIVE_INFINITY;
        for (NodeState node : nodes.free) {
            if (mayWait(node, rows, isScarce)) {
                continue;
            }
            double ends = ends(node, rows, nowS);
            if (ends < bestAt) {
                best = node;
                bestAt = ends;
            }
        }
        return best;
    }

    private static boolean mayWait(NodeState node, long rows, boolean isScarce) {
        if (node.inFlight < node.window.lanes()) {
            return false;
        }
        return node.cost.samples() == 0
                || isScarce && node.cost.overheadS < HIDE * node.cost.line().predictS(rows);
    }

    /**
     * What {@code othersAreSooner} finds, where it is so clear that sums taken a moment ago tell it.
     *
     * <p>With many nodes, a slow one would else have all nodes looked at by each event of a long end. Pieces that were
     * handed out since then are missing in what is left and in what others can still do, so they cancel out.
     */
    private boolean othersHavePlenty(NodeState node, long rows, double nowS) {
        double takesS = ends(node, rows, nowS) - nowS;
        if (!(summedAt <= nowS && nowS <= summedAt + takesS / 16)) {
            summedAt = nowS;
            rowsThen = work.rowsLeft();
            sumsThen = sums.renewed(nowS);
        }
        double others = (sumsThen.speed() - node.pace) * (nowS + takesS * (1.0 - MARGIN)) - sumsThen.taken();
        // Each of them may end in the middle of a piece.
        if (others < rowsThen + 2 * rows * nodes.size()) {
            return false;
        }
        lookAgain(nowS, takesS);
        return true;
    }
}
