package io.pyrpc.plan;

import java.util.Set;

/**
 * The earliest predicted finish, for rows that may be cut.
 *
 * <p>{@code T} is the time at which all nodes would be done together, and a node gets half of what it can do until then
 * (factoring: Hummel, Schonberg, Flynn, 1992), but no more than the target time of a piece. So pieces get smaller
 * towards the end, each in proportion to its node's speed.
 */
final class MinMaxRows extends MinMax {
    /** The least time of a piece, as a multiple of what a piece costs beside its rows. */
    private static final double LEAST_FIXED = 4.0;

    /** The least time of a piece, in seconds. */
    private static final double LEAST_S = 0.001;

    /**
     * A node's pieces grow at most so much from one to the next: a line fitted to small ones may be wrong for large.
     * 
     */
    private static final long GROWTH = 8;

    /** Within so many target times of the end the nodes are looked at one by one. */
    private static final double TAIL_TARGETS = 10.0;

    private final DivisibleWork rows;
    /** The size that {@code share} thought of and found others sooner with; 0: none. */
    private long declined;

    MinMaxRows(JobNodes nodes, DivisibleWork rows, JobCost jobCost) {
        super(nodes, rows, jobCost);
        this.rows = rows;
    }

    @Override
    long firstRows() {
        return rows.firstRows();
    }

    /** The time at which all nodes would be done together, and the sums that tell it. */
    private record Outlook(double ends, double speed, double taken) {}

    @Override
    Placed handOut(NodeState node, double nowS) {
        Outlook outlook = outlook(nowS);
        long share = share(node, outlook, nowS);
        if (share > 0) {
            return new Placed(node, share);
        }
        Placed other = instead(node, outlook, nowS);
        if (other == null && !rows.isOpen()) { // the end of an open stream is not in sight
            lookAgain(nowS, outlook.ends - nowS);
        }
        return other;
    }

    private Outlook outlook(double nowS) {
        double ends = sums.speed > 0 ? (rows.rowsLeft() + sums.taken) / sums.speed : nowS;
        if (ends - nowS < TAIL_TARGETS * rows.targetS()) {
            Speeds.Sums now = sums.renewed(nowS);
            return new Outlook((rows.rowsLeft() + now.taken()) / now.speed(), now.speed(), now.taken());
        }
        return new Outlook(ends, sums.speed, sums.taken);
    }

    /** Another free node than this one, which had better get none; null: nobody now. */
    private Placed instead(NodeState node, Outlook outlook, double nowS) {
        long size = declined;
        NodeState best = bestFree(size == 0 ? 1 : size, nowS, Set.of());
        if (best == null || best == node) {
            return null;
        }
        long share = share(best, outlook, nowS);
        // It may decline too, in favour of the first, since it would get a piece of another size, and both would wait
        // for ever. With the size that the first one declined nobody free is sooner.
        if (share == 0 && size > 0 && !othersAreSooner(best, size, pieces(size), nowS, Set.of())) {
            share = size;
        }
        return share > 0 ? new Placed(best, share) : null;
    }

    private long pieces(long size) {
        return Partition.ceilDiv(rows.rowsLeft(), size);
    }

    /**
     * Rows for this node where all would be done together at a time; 0: better none.
     *
     * <p>Where others would be sooner with pieces of the size that it would get, that size is then in {@code declined}.
     */
    private long share(NodeState node, Outlook outlook, double nowS) {
        declined = 0;
        if (node.cost.samples() == 0) {
            return hasEnough(node) ? 0 : rows.firstRows();
        }
        double slowness = node.slowness(nowS);
        double startsAt = node.startsAt(nowS, slowness);
        double leftS = (outlook.ends - startsAt) / slowness;
        double leastS = Math.max(LEAST_S, LEAST_FIXED * node.window.width() * node.cost.line().pieceS);
        if (node.inFlight > 0 && leftS < leastS) {
            return 0;
        }
        long share = rowsIn(Math.min(rows.targetS(), Math.max(leftS / 2, leastS)), node);
        if (canOthers(node, share, outlook, slowness, nowS)
                // In theory, where rows may be halved; so count whole pieces.
                && othersAreSooner(node, share, pieces(share), nowS, Set.of())) {
            declined = share;
            return 0;
        }
        return share;
    }

    /** Rows that the node does in so many seconds, within what may be in a piece. */
    private long rowsIn(double seconds, NodeState node) {
        Line line = node.cost.line();
        long share = (long) ((seconds / node.window.width() - line.pieceS) / line.rowS);
        return Math.max(1, Math.min(Math.min(share, GROWTH * node.cost.mostRows), rows.rowsLeft()));
    }

    /** Whether in theory the others would do all that is left well before this node does its share. */
    private boolean canOthers(NodeState node, long share, Outlook outlook, double slowness, double nowS) {
        double takesS = slowness * node.cost.runS(share);
        double pace = node.pace / slowness;
        double rest = outlook.speed - pace;
        double taken = rows.rowsLeft() + outlook.taken - pace * node.freeAt(nowS, slowness);
        return rest > 0 && taken / rest < node.startsAt(nowS, slowness) + takesS * (1.0 - MARGIN);
    }
}
