package io.pyrpc.plan;

import java.util.PriorityQueue;

/**
 * What is to happen at some time; equal times in the order in which they were set.
 *
 * <p>A timer cannot be taken back: whoever set it looks at its subject again when the time has come.
 */
final class Timers {
    /** What happens. */
    enum Kind {
        /** A chunk is sent again. */
        RETRY,
        /** The nodes on which a chunk failed are forgiven. */
        FORGIVE,
        /** A node is asked whether it lives. */
        PROBE,
        /** A node's pause is over. */
        RESUME,
        /** All nodes have been down for too long. */
        GIVE_UP
    }

    /**
     * One of them.
     *
     * @param node the subject, or null
     * @param chunk the subject, or null
     */
    record Timer(double atS, long number, Kind kind, NodeState node, ChunkState chunk) implements Comparable<Timer> {
        @Override
        public int compareTo(Timer other) {
            int byTime = Double.compare(atS, other.atS);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Timer> heap = new PriorityQueue<>();
    private long number;

    /** Let it happen to a node at that time. */
    void set(double atS, Kind kind, NodeState node) {
        heap.add(new Timer(atS, ++number, kind, node, null));
    }

    /** Let it happen to a chunk at that time. */
    void set(double atS, Kind kind, ChunkState chunk) {
        heap.add(new Timer(atS, ++number, kind, null, chunk));
    }

    /** Let it happen to the job at that time. */
    void set(double atS, Kind kind) {
        heap.add(new Timer(atS, ++number, kind, null, null));
    }

    /** The first whose time has come; null: nothing is due. */
    Timer popDue(double nowS) {
        return heap.isEmpty() || heap.peek().atS > nowS ? null : heap.poll();
    }

    /** When the first is due; infinity without any. */
    double nextAt() {
        return heap.isEmpty() ? Double.POSITIVE_INFINITY : heap.peek().atS;
    }
}
