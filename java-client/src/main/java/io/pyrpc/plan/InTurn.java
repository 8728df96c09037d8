package io.pyrpc.plan;

/**
 * Each in turn: the next piece waits for the next node that is up, however slow that is.
 *
 * <p>Only one that has ended nothing for much longer than it should have is passed over: it may be hung.
 */
final class InTurn extends Pull {
    /** How long to wait for a node whose turn it is: seconds, or times what a piece takes there. */
    private static final double PATIENCE_S = 1.0;

    private static final double PATIENCE = 4.0;

    /** A node's share of the rows is handed out in so many pieces. */
    private static final long PIECES = 16;

    private int turn;

    InTurn(JobNodes nodes, Work work) {
        super(nodes, work);
    }

    @Override
    NodeState pick(double nowS) {
        lookAgainAt = Double.POSITIVE_INFINITY;
        for (int looked = 0; looked < nodes.size(); looked++) {
            NodeState node = nodes.all().get(turn);
            boolean isFree = nodes.free.holds(node);
            if (node.isUsable() && !isFree) {
                double seemsHungAt = patientUntil(node);
                if (nowS < seemsHungAt) {
                    lookAgainAt = seemsHungAt;
                    return null;
                }
            }
            turn = (turn + 1) % nodes.size();
            if (isFree) {
                return node;
            }
        }
        return null;
    }

    private static double patientUntil(NodeState node) {
        Attempt head = node.queue.get(0);
        double takesS = node.cost.line().predictS(head.rows);
        return Math.max(head.sentAt, node.freedAt) + Math.max(PATIENCE_S, PATIENCE * takesS);
    }

    @Override
    long rows() {
        return Math.max(1, work.rows() / (PIECES * nodes.size()));
    }
}
