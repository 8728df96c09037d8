package io.pyrpc.plan;

import java.util.Arrays;

/** The last 127 durations, in order of size: an exact median of the recent past at a fixed price. */
final class Durations {
    private static final int KEPT = 127;

    private final double[] byAge = new double[KEPT];
    private final double[] bySize = new double[KEPT];
    private int count;
    private int oldest;

    /** Remember one more; the oldest is forgotten. */
    void add(double durationS) {
        if (count == KEPT) {
            forget(byAge[oldest]);
        }
        byAge[oldest] = durationS;
        oldest = (oldest + 1) % KEPT;
        int place = Arrays.binarySearch(bySize, 0, count, durationS);
        place = place < 0 ? -place - 1 : place;
        System.arraycopy(bySize, place, bySize, place + 1, count - place);
        bySize[place] = durationS;
        count++;
    }

    private void forget(double durationS) {
        int place = Arrays.binarySearch(bySize, 0, count, durationS);
        count--;
        System.arraycopy(bySize, place + 1, bySize, place, count - place);
    }

    /** Whether there is none. */
    boolean isEmpty() {
        return count == 0;
    }

    /** The middle one; of an even number, the upper of the two. */
    double median() {
        return bySize[count / 2];
    }
}
