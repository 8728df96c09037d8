package io.pyrpc.plan;

/**
 * How often a job may send again what nodes have turned away: a share of its chunks, and some for each second.
 *
 * <p>Over the whole job: all its attempts are at most (1 + ratio) x chunks + perSecond x seconds. Some may be sent
 * again at the very beginning, on the account of the first half second, or short jobs would wait for nothing. A job
 * does not give up for lack of it, it waits.
 */
public final class JobBudget {
    private final double ratio;
    private final double perSecond;
    private double beganS;
    private long chunks;
    private long spent;

    /** A fifth of the chunks, and 10 a second. */
    public JobBudget() {
        this(0.2, 10.0);
    }

    /**
     * A budget of one's own.
     *
     * @param ratio share of the chunks
     * @param perSecond allowed on top
     */
    public JobBudget(double ratio, double perSecond) {
        this.ratio = ratio;
        this.perSecond = perSecond;
    }

    /** The job begins. */
    public void start(double nowS) {
        beganS = nowS;
    }

    /** A chunk was sent for the first time. */
    public void onChunk() {
        chunks++;
    }

    /** Takes one out of the budget; false: there is none left now. */
    public boolean trySpend(double nowS) {
        if (nextAt(nowS) > nowS) {
            return false;
        }
        spent++;
        return true;
    }

    /** When the next one may be sent; a time that has gone by: at once. */
    public double nextAt(double nowS) {
        double wanted = spent + 1 - ratio * chunks;
        if (wanted <= perSecond / 2) {
            return nowS;
        }
        // A little late rather than early, where rounding would have the timer come for nothing.
        return beganS + wanted / perSecond + 1e-6;
    }
}
