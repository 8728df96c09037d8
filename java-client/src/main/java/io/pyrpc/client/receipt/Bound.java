package io.pyrpc.client.receipt;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * How soon a job could have ended: what an ideal scheduler reaches on the same nodes.
 *
 * <p>The bound takes each node at the speed that it showed while it ran (rows a second), lets all of them work from the
 * first moment to the last, and gives moving, waiting and deciding no time at all.
 *
 * <ul>
 *   <li>All together they do V = sum of speeds rows a second, so no schedule ends before rows / V.
 *   <li>A chunk of a fixed grid stays whole. A node that needs t seconds for one ends floor(T / t) of them by the time
 *       T, so no schedule ends before the smallest T with sum of floor(T / t) &gt;= chunks, which assigning each chunk
 *       to whoever ends it first does reach (Graham 1969). Where sizes differ, this holds for the chunks of at least
 *       each size alone, and the largest of these bounds counts.
 * </ul>
 */
final class Bound {
    /** Sizes of chunks for which the bound is looked at; a grid has one or two. */
    private static final int SIZES = 8;

    private static final int BISECTIONS = 100;
    /** Of a chunk: what rounding may take from a whole number. */
    private static final double TINY = 1e-9;

    private Bound() {}

    /** The least time for chunks of so many rows on nodes of these speeds (rows a second). */
    static double gridBoundS(long[] sizes, double[] speeds) {
        TreeMap<Long, Long> counts = new TreeMap<>();
        for (long rows : sizes) {
            if (rows > 0) {
                counts.merge(rows, 1L, Long::sum);
            }
        }
        double[] moving = Arrays.stream(speeds).filter(speed -> speed > 0).toArray();
        double best = 0;
        long atLeast = 0;
        int number = 0;
        for (Map.Entry<Long, Long> size : counts.descendingMap().entrySet()) {
            atLeast += size.getValue();
            if (moving.length > 0 && (number < SIZES || number == counts.size() - 1)) {
                double[] times = Arrays.stream(moving).map(speed -> size.getKey() / speed).toArray();
                best = Math.max(best, listBoundS(atLeast, times));
            }
            number++;
        }
        return best;
    }

    /**
     * The smallest T with sum of floor(T / t) &gt;= chunks.
     *
     * @param chunks how many equal ones
     * @param timesS how long each node needs for one, in seconds; above 0
     */
    static double listBoundS(long chunks, double[] timesS) {
        if (chunks <= 0) {
            return 0;
        }
        double low = 0;
        double high = chunks * Arrays.stream(timesS).min().orElseThrow();
        for (int step = 0; step < BISECTIONS; step++) {
            double middle = (low + high) / 2;
            if (!(low < middle && middle < high)) {
                break;
            }
            if (doneBy(middle, timesS) >= chunks) {
                high = middle;
            } else {
                low = middle;
            }
        }
        // The answer is a whole number of chunks on some node, just at or below what was found.
        double until = high;
        return Arrays.stream(timesS).map(time -> Math.floor(until / time + TINY) * time).max().orElseThrow();
    }

    private static double doneBy(double moment, double[] times) {
        double count = 0;
        for (double time : times) {
            count += Math.floor(moment / time + TINY);
        }
        return count;
    }
}
