package io.pyrpc.client;

import java.time.Duration;

/**
 * A moment after which a call is of no use; one deadline spans all attempts.
 *
 * @param nanos on the clock of System.nanoTime; Long.MAX_VALUE: never
 */
public record Deadline(long nanos) {
    static final Deadline NEVER = new Deadline(Long.MAX_VALUE);
    /** Beyond three years is never. */
    private static final Duration FOREVER = Duration.ofSeconds(100_000_000);

    /** So long from now; null: never. */
    public static Deadline after(Duration timeout) {
        return after(System.nanoTime(), timeout);
    }

    static Deadline after(long began, Duration timeout) {
        return timeout == null || timeout.compareTo(FOREVER) > 0 ? NEVER : new Deadline(began + timeout.toNanos());
    }

    /** The earlier of this and so long from now. */
    Deadline atMost(Duration timeout) {
        Deadline other = after(timeout);
        return remainingNanos() < other.remainingNanos() ? this : other;
    }

    boolean isNever() {
        return nanos == Long.MAX_VALUE;
    }

    /** Nanoseconds left, never below 0; Long.MAX_VALUE without a limit. */
    public long remainingNanos() {
        return isNever() ? Long.MAX_VALUE : Math.max(0, nanos - System.nanoTime());
    }

    /** Seconds left, never below 0; infinity without a limit. */
    double remainingS() {
        return isNever() ? Double.POSITIVE_INFINITY : remainingNanos() / 1e9;
    }

    /** Whole milliseconds left as the wire wants them, at least 0; -1 without a limit. */
    long remainingMs() {
        return isNever() ? -1 : (remainingNanos() + 999_999) / 1_000_000;
    }

    /** Whether the time is up. */
    boolean isOver() {
        return !isNever() && nanos - System.nanoTime() <= 0;
    }
}
