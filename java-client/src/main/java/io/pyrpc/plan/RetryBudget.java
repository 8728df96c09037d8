package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;

/**
 * Retries allowed in any window: a share of the calls of that time, and some for each second.
 *
 * <p>It limits the retries of all single calls together, so that a pool of struggling nodes is not finished off by its
 * own clients (Finagle's RetryBudget; SRE book, ch. 21). Jobs do not draw on it: losing a node means re-sending what it
 * had in flight, all in one instant, and a budget of 20% would fail just the jobs that the retry is for.
 *
 * <p>Time is cut into slots, ten a window, and a slot is forgotten as a whole; so each operation is O(1). The current
 * slot and ten older ones are remembered: with ten in all, a burst at the end of one slot would be forgotten before the
 * window is over. Not thread-safe. Time that goes back counts as standing still.
 */
public final class RetryBudget {
    private static final int SLOTS = 11;

    private final double ratio;
    private final double perWindow;
    private final double slotS;
    private final long[] calls = new long[SLOTS];
    private final long[] spent = new long[SLOTS];
    private long callsSum;
    private long spentSum;
    private boolean hasBegun;
    private long newest;

    /** A fifth of the calls of the last 10 s, and 10 a second. */
    public RetryBudget() {
        this(0.2, 10.0, 10.0);
    }

    /**
     * A budget of one's own.
     *
     * @param ratio share of calls that may be retried
     * @param perSecond allowed on top, so that a client with few calls may retry at all
     * @param windowS how long calls and retries are remembered, in seconds
     * @throws ConfigException a number is negative or not finite, or the window is 0
     */
    public RetryBudget(double ratio, double perSecond, double windowS) {
        check("ratio", ratio, ratio >= 0);
        check("perSecond", perSecond, perSecond >= 0);
        check("windowS", windowS, windowS > 0);
        this.ratio = ratio;
        perWindow = perSecond * windowS;
        slotS = windowS / (SLOTS - 1);
    }

    private static void check(String name, double value, boolean fits) {
        if (!(fits && Double.isFinite(value))) {
            throw new ConfigException(
                    name + " makes no sense", Detail.mismatch("a positive number", Double.toString(value)));
        }
    }

    /** So many calls were made since the last time (their retries do not count as calls). */
    public void onCalls(long count, double nowS) {
        calls[slot(nowS)] += count;
        callsSum += count;
    }

    /** Takes one retry out of the budget; false: there is none left, do not retry. */
    public boolean trySpend(double nowS) {
        if (!canSpend(nowS)) {
            return false;
        }
        spent[slot(nowS)]++;
        spentSum++;
        return true;
    }

    /** Whether {@link #trySpend} would say yes; takes nothing. */
    public boolean canSpend(double nowS) {
        slot(nowS);
        return spentSum + 1 <= ratio * callsSum + perWindow;
    }

    /** Place of the current slot; forgets those that have become too old. */
    private int slot(double nowS) {
        long number = (long) Math.floor(nowS / slotS);
        if (!hasBegun) {
            hasBegun = true;
            newest = number;
        }
        for (long old = newest + 1; old <= Math.min(number, newest + SLOTS); old++) {
            forget(Math.floorMod(old, SLOTS));
        }
        newest = Math.max(newest, number);
        return Math.floorMod(newest, SLOTS);
    }

    private void forget(int place) {
        callsSum -= calls[place];
        spentSum -= spent[place];
        calls[place] = 0;
        spent[place] = 0;
    }
}
