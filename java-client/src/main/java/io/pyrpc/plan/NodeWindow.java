package io.pyrpc.plan;

/**
 * How many pieces a node may have in flight: found out by trying, from a few on.
 *
 * <p>Two are enough where a node runs one piece at a time: one runs while the next one travels. A node that runs eight
 * at the same time needs eight, which nobody has told the client; and pieces that run side by side may share one core
 * or the GIL, so that more of them gain nothing. So the window doubles as long as that raises the node's rows per
 * second. Not thread-safe.
 */
public final class NodeWindow {
    /** Where the caller asks for no window: at first. */
    public static final int FIRST = 2;

    /** Where the caller asks for no window: at most. */
    static final int MOST = 16;

    /** On all nodes together, as each attempt has a thread. */
    static final int MOST_IN_FLIGHT = 256;

    /** Rows per second must grow at least so much when the window doubles. */
    private static final double GAIN = 1.25;

    /** A trial has at least so many pieces, and as many as fill the window twice. */
    private static final int TRIAL_PIECES = 8;

    /** Pieces of a trial are at most so much smaller than the largest: small ones go slower whatever the window. */
    private static final long SPREAD = 4;

    /** A piece waited if it did so for at least this share of the time that it ran. */
    static final double WAITED = 0.25;

    /** How much of the past counts, a piece ago. */
    private static final double KEEP = 0.85;

    private int size;
    private final int most;
    private boolean isSettled;
    private int lanes = 1;
    private double width = 1.0;
    private double ran;
    private double added;
    private double base;
    private int before;
    private int skip;
    private long largest;
    private boolean isTrial;
    private double since;
    private int count;
    private long rowsSum;
    private long smallest;

    /**
     * A window that nothing has been learned of.
     *
     * @param size pieces in flight at first
     * @param most pieces in flight at most; no more than size: it stays as it is
     */
    public NodeWindow(int size, int most) {
        this.size = size;
        this.isSettled = most <= size;
        this.most = Math.max(size, most);
        this.before = size;
    }

    /** To how many the window may grow on each of so many nodes, where the caller asks for no window. */
    public static int mostWindow(int nodes) {
        return Math.min(MOST, MOST_IN_FLIGHT / nodes);
    }

    /** Pieces in flight now, at most. */
    public int size() {
        return size;
    }

    /** What {@link #size} may become. */
    public int most() {
        return most;
    }

    /** Whether it has found its size. */
    public boolean isSettled() {
        return isSettled;
    }

    /** How many pieces run at the same time. */
    public int lanes() {
        return lanes;
    }

    /**
     * How many times longer a piece runs than it adds to its node: what pieces ran over what they added, of those that
     * were not alone there; 1 with one lane.
     */
    public double width() {
        return width;
    }

    /** The same for another job: what was found is kept, and a trial begins anew. */
    NodeWindow again() {
        NodeWindow other = new NodeWindow(size, most);
        other.isSettled = isSettled;
        other.base = base;
        other.before = before;
        other.lanes = lanes;
        other.width = width;
        other.ran = ran;
        other.added = added;
        return other;
    }

    /** A piece that was not alone ran so long, and added so much to its node; in seconds. */
    void ranBeside(double serviceS, double addedS) {
        ran = ran * KEEP + serviceS;
        added = added * KEEP + addedS;
        double wide = ran / Math.max(added, 1e-9);
        lanes = Math.max(1, Math.min(size, (int) (wide + 0.5)));
        width = lanes > 1 ? Math.min(wide, (double) size) : 1.0;
    }

    /**
     * A piece is done.
     *
     * @param rows its rows
     * @param inFlight pieces that were in flight there, this one included
     * @param nowS the time
     * @param waited whether it waited on the node for its turn: then more than before are of no use
     */
    void done(long rows, int inFlight, double nowS, boolean waited) {
        if (isSettled) {
            return;
        }
        if (waited && base > 0) {
            settleAt(before);
            return;
        }
        largest = Math.max(largest, rows);
        if (inFlight < size) {
            // What a node does that could do more tells nothing.
            isTrial = false;
        } else if (skip > 0) {
            skip--;
        } else if (!isTrial) {
            begin(nowS);
        } else {
            tried(rows, nowS);
        }
    }

    private void begin(double nowS) {
        isTrial = true;
        since = nowS;
        count = 0;
        rowsSum = 0;
        smallest = Long.MAX_VALUE;
    }

    private void tried(long rows, double nowS) {
        count++;
        rowsSum += rows;
        smallest = Math.min(smallest, rows);
        if (largest > SPREAD * smallest) {
            begin(nowS);
        } else if (count >= Math.max(TRIAL_PIECES, 2 * size)) {
            isTrial = false;
            judge(rowsSum / Math.max(nowS - since, 1e-9));
        }
    }

    /** The end of a trial. */
    private void judge(double rowsPerS) {
        if (rowsPerS < GAIN * base) {
            settleAt(before);
        } else if (lanes < size || size == most) {
            settleAt(size);
        } else {
            base = rowsPerS;
            before = size;
            size = Math.min(2 * size, most);
            skip = size;
        }
    }

    private void settleAt(int found) {
        size = found;
        isSettled = true;
    }
}
