package io.pyrpc.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Whom a client pings, and when, so that no call has to find out that a node died or came back.
 *
 * <ol>
 *   <li>A node of which nothing was heard for 10 s is pinged, with 2 s for its answer. Each reply to a call counts as
 *       heard; right after the start, nobody is pinged for a second, so that a program that ends soon pings nobody.
 *   <li>A node that is down, by a failed call or ping, is pinged when its backoff ({@link NodeHealth}) is over. Until
 *       that ping has ended no call goes there: a hung node would cost a call all of its time, and costs a ping two
 *       seconds.
 *   <li>At most 16 pings are on their way at the same time.
 *   <li>A client that made no call for 60 s pings no more, until the next call.
 * </ol>
 *
 * <p>An answer ends the backoff, silence begins one or doubles it (0.1 s to 5 s). Neither touches ejections: what
 * answers a ping may still fail its calls, and what answers no ping is out already.
 *
 * <p>Nodes are named by their index. One that was given out by {@link #due} is not due again before {@link #ended}. Not
 * thread-safe.
 */
public final class PingPlan {
    /** Silence after which a node that is up is pinged, unless told otherwise. */
    public static final double EVERY_S = 10.0;
    /** Time for the answer, unless told otherwise. */
    public static final double TIMEOUT_S = 2.0;
    /** After so long without a call the client counts as idle, unless told otherwise. */
    public static final double IDLE_S = 60.0;

    private static final double SETTLE_S = 1.0;
    private static final int MOST_AT_ONCE = 16;
    /** Beyond the time for the answer: until a result that comes in time has been told. */
    private static final double MARGIN_S = 0.5;

    private final List<NodeHealth> healths;
    private final double everyS;
    private final double timeoutS;
    private final double idleS;
    private double settledAtS = Double.POSITIVE_INFINITY;
    private final Set<Integer> asked = new HashSet<>();
    /** When an answer to a ping came last. */
    private final double[] heardAtS;
    /** When a node that is down is pinged next, if a ping found it down; minus infinity: by its backoff. */
    private final double[] nextAtS;

    /** A plan with the usual times, but for the silence. */
    public PingPlan(List<NodeHealth> healths, double everyS) {
        this(healths, everyS, TIMEOUT_S, IDLE_S);
    }

    /**
     * A plan with times of one's own, in seconds.
     *
     * @param healths one a node, told of how calls ended by others, and of pings before {@link #ended}
     * @param everyS silence after which a node that is up is pinged
     * @param timeoutS given to each ping
     * @param idleS after so long without a call the client counts as idle
     */
    public PingPlan(List<NodeHealth> healths, double everyS, double timeoutS, double idleS) {
        this.healths = List.copyOf(healths);
        this.everyS = everyS;
        this.timeoutS = timeoutS;
        this.idleS = idleS;
        heardAtS = new double[healths.size()];
        nextAtS = new double[healths.size()];
        Arrays.fill(heardAtS, Double.NEGATIVE_INFINITY);
        Arrays.fill(nextAtS, Double.NEGATIVE_INFINITY);
    }

    /** Time for each answer, in seconds. */
    public double timeoutS() {
        return timeoutS;
    }

    /** The client makes a call, the first one or after it was idle. */
    public void start(double nowS) {
        settledAtS = nowS + Math.min(SETTLE_S, everyS);
    }

    /** Whether the last call, which ended at calledAtS, was so long ago that nobody needs to be pinged. */
    public boolean isIdle(double nowS, double calledAtS) {
        return nowS - Math.max(calledAtS, settledAtS) >= idleS;
    }

    /**
     * Nodes to ping now, in order; none of them may get a call that tries whether it is back.
     *
     * @param repliedAtS when each node replied to a call last
     */
    public List<Integer> due(double nowS, double[] repliedAtS) {
        int room = MOST_AT_ONCE - asked.size();
        List<Integer> due = new ArrayList<>();
        for (int node = 0; node < healths.size() && due.size() < room; node++) {
            if (dueAt(node, repliedAtS) <= nowS) {
                due.add(node);
                healths.get(node).hold(nowS + timeoutS + MARGIN_S);
            }
        }
        asked.addAll(due);
        return due;
    }

    /**
     * When to ask again, unless a ping ends or a call fails before; infinity: not until a ping has ended.
     *
     * @param repliedAtS when each node replied to a call last
     */
    public double wakeAt(double[] repliedAtS) {
        double wakeAtS = Double.POSITIVE_INFINITY;
        if (asked.size() < MOST_AT_ONCE) {
            for (int node = 0; node < healths.size(); node++) {
                wakeAtS = Math.min(wakeAtS, dueAt(node, repliedAtS));
            }
        }
        return wakeAtS;
    }

    /** A ping has ended, and its node's health was told. */
    public void ended(int node, double nowS, boolean isThere) {
        asked.remove(node);
        if (isThere) {
            heardAtS[node] = nowS;
            nextAtS[node] = Double.NEGATIVE_INFINITY;
            return;
        }
        NodeHealth health = healths.get(node);
        nextAtS[node] = health.downUntilS();
        health.hold(health.downUntilS() + timeoutS + MARGIN_S);
    }

    private double dueAt(int node, double[] repliedAtS) {
        if (asked.contains(node)) {
            return Double.POSITIVE_INFINITY;
        }
        NodeHealth health = healths.get(node);
        double dueAtS = health.downUntilS();
        if (health.isUp()) {
            dueAtS = Math.max(repliedAtS[node], heardAtS[node]) + everyS;
        } else if (nextAtS[node] > Double.NEGATIVE_INFINITY) {
            dueAtS = nextAtS[node];
        }
        return Math.max(dueAtS, settledAtS);
    }
}
