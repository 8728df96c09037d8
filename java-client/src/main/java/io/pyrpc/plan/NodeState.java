package io.pyrpc.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * One node, as its job sees it: what is known of it, and the predictions made of that.
 *
 * <p>{@code epoch} counts how often it went down: the loss of an attempt sent in an earlier epoch says nothing about
 * the node that is there now. {@code answeredAt} is the time of its last sign of life within this job.
 *
 * <p>Predictions: the first piece is to end at {@code headDue}, the last one at {@code freeAt}; a new one could begin
 * at {@code startAt}. {@code pace} is in rows per second. {@code speed} and {@code taken} are what MinMax counts the
 * node for: its pace, and that times {@code freeAt}, or 0.
 */
final class NodeState {
    /** What a prediction of 0 s is taken for. */
    private static final double TINY_S = 1e-9;

    /** A late piece is expected to end in so much of its time at the earliest. */
    private static final double LATE = 0.05;

    final String name;
    final NodeWindow window;
    final NodeCost cost;
    /** Its attempts that were not reported, in the order of sending. */
    final List<Attempt> queue = new ArrayList<>();

    int inFlight;
    double freedAt = Double.NEGATIVE_INFINITY;
    double answeredAt = Double.NEGATIVE_INFINITY;
    long lastRows;

    boolean up = true;
    int epoch;
    int failures;
    /** NaN: it is not paused. */
    double pausedUntil = Double.NaN;

    boolean probing;
    double probeAt;
    double probeWaitS;
    /** Its level in FreeNodes; -1: it is not free. */
    int loadLevel = -1;

    double headDue = Double.POSITIVE_INFINITY;
    double headS;
    double freeAt;
    double startAt;
    double pace;
    double speed;
    double taken;

    NodeState(String name, double probeWaitS, JobCost jobCost, NodeWindow window) {
        this.name = name;
        this.probeWaitS = probeWaitS;
        this.window = window;
        this.cost = new NodeCost(jobCost, window);
    }

    boolean isPaused() {
        return !Double.isNaN(pausedUntil);
    }

    /** Whether it takes pieces, if it has room for them. */
    boolean isUsable() {
        return up && !isPaused();
    }

    /** Work out the predictions from the cost and the pieces in flight. */
    void predict() {
        Line line = cost.line();
        if (queue.isEmpty()) {
            headDue = Double.POSITIVE_INFINITY;
            freeAt = Math.max(0.0, freedAt);
            startAt = freeAt;
        } else {
            predictQueue(line);
        }
        pace = lastRows > 0 ? lastRows / line.predictS(lastRows) : 1.0 / line.rowS;
        speed = pace;
        taken = pace * freeAt;
    }

    private void predictQueue(Line line) {
        Attempt head = queue.get(0);
        headS = orTiny(line.predictS(head.rows));
        headDue = Math.max(head.sentAt, freedAt) + headS;
        freeAt = headDue;
        for (int place = 1; place < queue.size(); place++) {
            freeAt += line.predictS(queue.get(place).rows);
        }
        startAt = freeAt;
        if (window.lanes() > 1) {
            predictLanes(window.lanes());
        }
    }

    /** The same for pieces that run side by side, each from its sending or the end of an earlier one. */
    private void predictLanes(int lanes) {
        double[] ends = new double[lanes];
        int running = 0;
        headDue = Double.POSITIVE_INFINITY;
        for (Attempt attempt : queue) {
            double takesS = orTiny(cost.runS(attempt.rows));
            double began = attempt.sentAt;
            int lane = running;
            if (running == lanes) {
                lane = lowest(ends);
                began = Math.max(began, ends[lane]);
            } else {
                running++;
            }
            ends[lane] = began + takesS;
            if (ends[lane] < headDue) {
                headDue = ends[lane];
                headS = takesS;
            }
        }
        startAt = running == lanes ? ends[lowest(ends)] : Double.NEGATIVE_INFINITY;
    }

    private static int lowest(double[] ends) {
        int lowest = 0;
        for (int lane = 1; lane < ends.length; lane++) {
            if (ends[lane] < ends[lowest]) {
                lowest = lane;
            }
        }
        return lowest;
    }

    private static double orTiny(double seconds) {
        return seconds == 0 ? TINY_S : seconds;
    }

    /** Whether it should have ended a piece by now. */
    boolean isLate(double nowS) {
        return nowS > headDue;
    }

    /** How many times slower than predicted it seems: a late piece is expected to take as long again as it is late. */
    double slowness(double nowS) {
        if (queue.isEmpty()) {
            return 1.0;
        }
        double lateS = nowS - headDue;
        return lateS <= 0 ? 1.0 : 1.0 + lateS / headS;
    }

    /** When it will have ended all its pieces, being so many times slower than predicted. */
    double freeAt(double nowS, double slowness) {
        if (queue.isEmpty()) {
            return nowS;
        }
        return nowS - headDue <= 0 ? freeAt : afterHead(freeAt, nowS, slowness);
    }

    /** When a new piece could begin there, likewise. */
    double startsAt(double nowS, double slowness) {
        if (window.lanes() == 1) {
            return freeAt(nowS, slowness);
        }
        if (queue.isEmpty()) {
            return nowS;
        }
        if (nowS - headDue <= 0) {
            return Math.max(nowS, startAt);
        }
        return startAt == Double.NEGATIVE_INFINITY ? nowS : afterHead(startAt, nowS, slowness);
    }

    /** When something predicted for a time is to be expected, the first piece being late. */
    private double afterHead(double predicted, double nowS, double slowness) {
        double lateS = nowS - headDue;
        return nowS + lateS + LATE * headS + slowness * (predicted - headDue);
    }
}
