package io.pyrpc.client;

/** The time that plan is told: seconds as a double, above 0, on a clock that does not go back. */
final class Clock {
    /** So that all of it is above 0, whatever System.nanoTime began with. */
    private static final long ORIGIN = System.nanoTime() - 1_000_000_000L;

    private Clock() {}

    static double nowS() {
        return seconds(System.nanoTime());
    }

    /** A moment of System.nanoTime on this clock. */
    static double seconds(long nanos) {
        return (nanos - ORIGIN) / 1e9;
    }

    /** The nanoseconds from now to a moment of this clock; Long.MAX_VALUE for infinity, 0 for what is over. */
    static long nanosUntil(double atS) {
        double left = (atS - nowS()) * 1e9;
        return left >= Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(0, (long) Math.ceil(left));
    }
}
