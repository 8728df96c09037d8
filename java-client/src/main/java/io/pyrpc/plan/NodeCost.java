package io.pyrpc.plan;

/**
 * What a piece of work costs on one node, learned from the pieces it has done.
 *
 * <p>Latency and what else does not depend on the rows is in the line's time per piece; the stage's work and the bytes,
 * which grow with the rows, in its time per row. What is fitted is the time a piece adds to its node: from the end of
 * the piece before it (or its own sending, if the node was idle) to its own end. So a transfer that hides behind the
 * work of another piece costs nothing, as it does in truth, and a node that runs several pieces at the same time counts
 * as that much faster. One of these takes longer than it adds, by the factor that is its window's width.
 *
 * <p>A single time far above the line is cut to {@link #OUTLIER} times what was expected; a second one in a row is
 * believed.
 */
final class NodeCost {
    private static final double OUTLIER = 4.0;

    private final JobCost job;
    private final NodeWindow window;
    private final Line own = new Line();
    private boolean wasOutlier;

    long mostRows;
    /** Seconds a row of the last piece, from its sending to its end. */
    double lastRowS;

    double overheadS;
    double serviceRowS;

    /**
     * Nothing is known yet.
     *
     * @param job shared by the nodes of a job
     * @param window told how long pieces ran that were not alone
     */
    NodeCost(JobCost job, NodeWindow window) {
        this.job = job;
        this.window = window;
    }

    /** Pieces it was learned from. */
    int samples() {
        return own.samples;
    }

    /** The node's own line, or that of all nodes as long as it has none. */
    Line line() {
        return own.samples > 0 ? own : job.line;
    }

    /** Seconds that a piece of so many rows takes once it runs. */
    double runS(long rows) {
        return window.width() * line().predictS(rows);
    }

    /**
     * A piece is done; all times in seconds.
     *
     * @param rows its rows
     * @param addedS time it added to its node
     * @param elapsedS from its sending to its end
     * @param serviceS time it ran on the node, as the node told; 0: it did not
     * @param queuedS time it waited on the node, likewise
     * @param wasAlone whether no other piece was there meanwhile
     */
    void add(long rows, double addedS, double elapsedS, double serviceS, double queuedS, boolean wasAlone) {
        if (serviceS > 0 && !wasAlone) {
            window.ranBeside(serviceS, addedS);
        }
        double believedS = believed(rows, addedS);
        own.add(rows, believedS);
        job.line.add(rows, believedS);
        mostRows = Math.max(mostRows, rows);
        lastRowS = elapsedS / Math.max(rows, 1);
        if (serviceS > 0) {
            double weight = own.samples == 1 ? 1.0 : 1.0 - Line.KEEP;
            serviceRowS += weight * (serviceS / Math.max(rows, 1) - serviceRowS);
            overheadS += weight * (Math.max(0.0, elapsedS - serviceS - queuedS) - overheadS);
        }
    }

    private double believed(long rows, double addedS) {
        if (own.samples <= 2) {
            return addedS;
        }
        double mostS = OUTLIER * own.predictS(rows);
        boolean isOutlier = addedS > mostS;
        boolean isFirst = isOutlier && !wasOutlier;
        wasOutlier = isOutlier;
        return isFirst ? mostS : addedS;
    }

    /** For the receipt. */
    NodeFit fit(String node) {
        Line line = line();
        return new NodeFit(node, samples(), line.pieceS, line.rowS, serviceRowS, overheadS);
    }
}
