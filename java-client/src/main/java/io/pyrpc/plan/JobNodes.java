package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.FailureClass;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The nodes of one job: down and probed, paused, or free for work.
 *
 * <p>All nodes are taken to be up until they show otherwise.
 */
final class JobNodes implements Iterable<NodeState> {
    private static final double PROBE_MIN_S = 0.1;
    private static final double PROBE_MAX_S = 1.0;
    private static final double PAUSE_MIN_S = 0.1;
    private static final double PAUSE_MAX_S = 1.0;

    final FreeNodes free;
    /** Told of each node that is different from before. */
    Consumer<NodeState> changed = node -> {};

    private final Map<String, NodeState> byName = new LinkedHashMap<>();
    private final List<NodeState> all;
    private final double giveUpS;
    private final Timers timers;
    private int up;
    private double giveUpAt = Double.POSITIVE_INFINITY;

    /**
     * Nodes of which nothing is known.
     *
     * @param windows the nodes by their names, and how many attempts each may have in flight; in order
     * @param giveUpS how long all nodes may be down
     * @param timers where to set PROBE, RESUME and GIVE_UP
     * @param jobCost what the nodes have shown together
     */
    JobNodes(Map<String, NodeWindow> windows, double giveUpS, Timers timers, JobCost jobCost) {
        int most = 0;
        for (Map.Entry<String, NodeWindow> each : windows.entrySet()) {
            most = Math.max(most, each.getValue().most());
            byName.put(each.getKey(), new NodeState(each.getKey(), PROBE_MIN_S, jobCost, each.getValue()));
        }
        this.all = List.copyOf(byName.values());
        this.free = new FreeNodes(most);
        this.giveUpS = giveUpS;
        this.timers = timers;
        this.up = all.size();
    }

    @Override
    public Iterator<NodeState> iterator() {
        return all.iterator();
    }

    int size() {
        return all.size();
    }

    /** All nodes in their order. */
    List<NodeState> all() {
        return all;
    }

    /** The node of that name, or ConfigException. */
    NodeState named(String name) {
        NodeState node = byName.get(name);
        if (node == null) {
            throw new ConfigException(
                    "no such node in this job", Detail.mismatch(String.join(", ", byName.keySet()), name));
        }
        return node;
    }

    /** Whether there is a node that is up and not one of those. */
    boolean isAnyUpBeside(Collection<NodeState> avoid) {
        for (NodeState node : all) {
            if (node.up && !avoid.contains(node)) {
                return true;
            }
        }
        return false;
    }

    /** Whether all have been down for too long. */
    boolean areGivenUp(double nowS) {
        return nowS >= giveUpAt;
    }

    /** The node is different from before. */
    void place(NodeState node) {
        free.place(node);
        changed.accept(node);
    }

    /** An attempt was sent. */
    void slotTaken(Attempt attempt) {
        NodeState node = attempt.node;
        node.inFlight++;
        node.queue.add(attempt);
        node.lastRows = attempt.rows;
        place(node);
    }

    /** A piece has been done; before its slot is freed. */
    void pieceDone(Attempt attempt, double nowS, double serviceS, double queuedS) {
        NodeState node = attempt.node;
        boolean waited = serviceS > 0 && queuedS > NodeWindow.WAITED * serviceS;
        node.window.done(attempt.rows, node.inFlight, nowS, waited);
    }

    /** An attempt has ended. */
    void slotFreed(Attempt attempt, double nowS) {
        NodeState node = attempt.node;
        node.inFlight--;
        node.queue.remove(attempt);
        node.freedAt = nowS;
        place(node);
    }

    /** The node has done some work: past failures are forgiven. */
    void hasReplied(NodeState node, double nowS) {
        node.answeredAt = nowS;
        node.failures = 0;
        node.probeWaitS = PROBE_MIN_S;
    }

    /** The node is lost; it gets no work until {@code bringUp}, and is probed in the meantime. */
    void takeDown(NodeState node, double nowS) {
        node.up = false;
        node.epoch++;
        up--;
        place(node);
        probeLater(node, nowS);
        if (up == 0) {
            giveUpAt = nowS + giveUpS;
            timers.set(giveUpAt, Timers.Kind.GIVE_UP);
        }
    }

    /** The node is there again. */
    void bringUp(NodeState node) {
        node.up = true;
        node.probing = false;
        node.pausedUntil = Double.NaN;
        up++;
        giveUpAt = Double.POSITIVE_INFINITY;
        place(node);
    }

    /** Plan the next probe; each wait is twice the last, until the node has done some work. */
    void probeLater(NodeState node, double nowS) {
        node.probing = false;
        node.probeAt = nowS + node.probeWaitS;
        timers.set(node.probeAt, Timers.Kind.PROBE, node);
        node.probeWaitS = Math.min(PROBE_MAX_S, 2 * node.probeWaitS);
    }

    /** Whether the PROBE that is due is still wanted; if so, it counts as sent. */
    boolean probeNow(NodeState node, double nowS) {
        boolean wanted = !node.up && !node.probing && node.probeAt <= nowS;
        node.probing = node.probing || wanted;
        return wanted;
    }

    /** Give the node nothing for so long; a pause is never shortened. */
    void pause(NodeState node, double waitS, double nowS) {
        if (node.up && waitS > 0 && (!node.isPaused() || nowS + waitS > node.pausedUntil)) {
            node.pausedUntil = nowS + waitS;
            timers.set(node.pausedUntil, Timers.Kind.RESUME, node);
            place(node);
        }
    }

    /**
     * Leave a node alone that turned an attempt away or keeps failing.
     *
     * <p>A plain refusal pauses at once. A first failure of another kind does not, it may be the chunk's fault; nor
     * does a refusal that tells its own time need more than that.
     */
    void pauseAfterFailure(NodeState node, FailureClass failure, Long retryAfterMs, double nowS) {
        // What was in flight when the pause began says nothing new.
        node.failures += node.isPaused() ? 0 : 1;
        boolean refusedPlainly = failure == FailureClass.NOT_EXECUTED && retryAfterMs == null;
        int steps = refusedPlainly ? node.failures : node.failures - 1;
        double backoffS = steps > 0 ? Math.min(PAUSE_MAX_S, PAUSE_MIN_S * (1L << Math.min(steps - 1, 62))) : 0.0;
        pause(node, Math.max(askedS(retryAfterMs), backoffS), nowS);
    }

    /** A RESUME is due; the pause may have become longer since. */
    void resume(NodeState node, double nowS) {
        if (node.pausedUntil <= nowS) {
            node.pausedUntil = Double.NaN;
            place(node);
        }
    }

    /** The time a node asked for, in seconds. */
    static double askedS(Long retryAfterMs) {
        return retryAfterMs == null ? 0.0 : Math.max(0L, retryAfterMs) / 1000.0;
    }
}
