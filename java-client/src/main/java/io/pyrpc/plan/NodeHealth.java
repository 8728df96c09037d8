package io.pyrpc.plan;

/**
 * Whether a node is worth a single call, from what came of the last ones: up, or down for a while that doubles from 0.1
 * s to 5 s with each failure in a row. Jobs keep their own record.
 *
 * <p>After that while one call, the probe, may try the node; the others stay away until it has ended. A probe of which
 * nothing is heard counts as failed after the longest time down.
 *
 * <p>Report only failures that tell of the node (refused, lost), not those of the call. Not thread-safe.
 */
public final class NodeHealth {
    private final double backoffS;
    private final double backoffMaxS;
    private int failures;
    private double downUntilS = Double.NEGATIVE_INFINITY;

    /** Down from 0.1 s to 5 s. */
    public NodeHealth() {
        this(0.1, 5.0);
    }

    /** The first and the longest time down, in seconds. */
    public NodeHealth(double backoffS, double backoffMaxS) {
        this.backoffS = backoffS;
        this.backoffMaxS = backoffMaxS;
    }

    /** Whether the last call that was heard of went well (or there was none). */
    public boolean isUp() {
        return failures == 0;
    }

    /** Failures in a row. */
    public int failures() {
        return failures;
    }

    /** When the next probe may go; minus infinity while the node is up. */
    public double downUntilS() {
        return downUntilS;
    }

    /** Whether a call may go there: up, or due for a probe. */
    public boolean isUsable(double nowS) {
        return failures == 0 || nowS >= downUntilS;
    }

    /** A call goes there; to a node that is down it is the probe, and others wait for its end. */
    public void onCall(double nowS) {
        if (failures > 0 && nowS >= downUntilS) {
            downUntilS = nowS + backoffMaxS;
        }
    }

    /** The node answered, be it by an error of the stage. */
    public void onSuccess() {
        failures = 0;
        downUntilS = Double.NEGATIVE_INFINITY;
    }

    /** The node could not be reached, or was lost. */
    public void onFailure(double nowS) {
        double waitS = Math.min(backoffMaxS, backoffS * (1L << Math.min(failures, 62)));
        failures++;
        downUntilS = nowS + waitS;
    }

    /** Somebody is asking a node that is down: no call is the probe before that moment. Nothing while it is up. */
    public void hold(double untilS) {
        if (failures > 0) {
            downUntilS = Math.max(downUntilS, untilS);
        }
    }
}
