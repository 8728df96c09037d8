package io.pyrpc.plan.simulated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.plan.Action;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** What a driver sees of a job, kept by rows, with every invariant checked at every action. */
final class Books {
    /** Half a second of the budget is there at first, and one more is sent than was spent. */
    private static final int BUDGET_AT_ONCE = 6;

    private final World world;
    final Map<Long, Action.Send> inFlight = new HashMap<>();
    final BitSet gathered = new BitSet();
    int sends;
    int hedges;
    private final Map<String, Integer> load = new HashMap<>();
    private final Map<Long, Double> sentAt = new HashMap<>();
    private final Map<String, Double> answeredAt = new HashMap<>();
    private final Set<Long> cancelled = new HashSet<>();
    private final Map<Long, Integer> epochOf = new HashMap<>();
    private final Map<String, Integer> epochs = new HashMap<>();
    final Map<String, Double> downSince = new HashMap<>();
    // By the first row of a chunk; where chunks are cut again these say nothing.
    private final Map<Long, Integer> sendsOf = new HashMap<>();
    private final Map<Long, Integer> brokenOf = new HashMap<>();
    private final Map<Long, Integer> lostOf = new HashMap<>();
    private final Set<Long> refusedLast = new HashSet<>();
    private int afterRefusal;

    Books(World world) {
        this.world = world;
    }

    void sent(Action.Send send, double nowS) {
        assertFalse(downSince.containsKey(send.node()), () -> "sent to a node that is down: " + send);
        int most = Math.max(world.config().window(), world.config().mostWindow());
        assertTrue(load.merge(send.node(), 1, Integer::sum) <= most, () -> "beyond the window: " + send);
        assertEquals(0, gathered.get((int) send.chunk().start(), (int) send.chunk().stop()).cardinality(),
                () -> "rows that are done: " + send);
        boolean isTwin = false;
        for (Action.Send other : inFlight.values()) {
            // Whoever is cancelled may be beside: its rows are wanted from others.
            boolean isSame = !cancelled.contains(other.attemptId())
                    && other.chunk().start() < send.chunk().stop()
                    && send.chunk().start() < other.chunk().stop();
            assertFalse(isSame && other.node().equals(send.node()), () -> "two of the same rows on a node: " + send);
            isTwin |= isSame;
        }
        assertEquals(isTwin, send.hedge(), () -> "hedge: " + send);
        assertTrue(!send.hedge() || world.hedges(), () -> "a hedge where none may be: " + send);
        inFlight.put(send.attemptId(), send);
        sentAt.put(send.attemptId(), nowS);
        epochOf.put(send.attemptId(), epochs.getOrDefault(send.node(), 0));
        sends++;
        hedges += send.hedge() ? 1 : 0;
        if (world.isGrid()) {
            sentOfGrid(send, nowS);
        }
    }

    private void sentOfGrid(Action.Send send, double nowS) {
        long row = send.chunk().start();
        assertEquals(sendsOf.getOrDefault(row, 0), send.attemptNo(), () -> "number of the attempt: " + send);
        sendsOf.put(row, send.attemptNo() + 1);
        if (!send.hedge() && refusedLast.remove(row)) {
            afterRefusal++;
            double allowed = 0.2 * sendsOf.size() + 10 * nowS + BUDGET_AT_ONCE;
            assertTrue(afterRefusal <= allowed, () -> afterRefusal + " sent after a refusal, allowed " + allowed);
        }
    }

    void cancelled(Action.CancelAttempt cancel) {
        Action.Send send = inFlight.get(cancel.attemptId());
        assertTrue(send != null && send.node().equals(cancel.node()), () -> "nothing to cancel: " + cancel);
        assertTrue(this.cancelled.add(cancel.attemptId()), () -> "cancelled twice: " + cancel);
    }

    /** A reply has come; before the scheduler is told. */
    void done(long attemptId, boolean isWanted, double nowS) {
        Action.Send send = inFlight.remove(attemptId);
        if (send != null) {
            load.merge(send.node(), -1, Integer::sum);
            answeredAt.put(send.node(), nowS);
        }
        if (isWanted) {
            int from = (int) send.chunk().start();
            int to = (int) send.chunk().stop();
            assertEquals(0, gathered.get(from, to).cardinality(), () -> "rows gathered twice: " + send);
            gathered.set(from, to);
        }
    }

    /** An attempt has failed; before the scheduler is told. */
    void failed(long attemptId, boolean isWanted, Failure failure, double nowS) {
        Action.Send send = inFlight.remove(attemptId);
        if (send == null) {
            return;
        }
        load.merge(send.node(), -1, Integer::sum);
        boolean isSilent = cancelled.contains(attemptId)
                && answeredAt.getOrDefault(send.node(), -1.0) < sentAt.get(attemptId);
        boolean isOfThisEpoch = epochOf.get(attemptId).equals(epochs.getOrDefault(send.node(), 0));
        if ((failure.isNodeLost() || isSilent) && isOfThisEpoch) {
            down(send.node(), nowS);
        }
        if (isWanted) {
            switch (failure) {
                case BROKE -> brokenOf.merge(send.chunk().start(), 1, Integer::sum);
                case LOST -> lostOf.merge(send.chunk().start(), 1, Integer::sum);
                case REFUSED -> {
                    if (!send.hedge() && isAlone(send)) {
                        refusedLast.add(send.chunk().start());
                    }
                }
                default -> { }
            }
        }
    }

    private boolean isAlone(Action.Send send) {
        return inFlight.values().stream().noneMatch(other -> other.chunk().equals(send.chunk()));
    }

    void down(String node, double nowS) {
        if (downSince.putIfAbsent(node, nowS) == null) {
            epochs.merge(node, 1, Integer::sum);
        }
    }

    void up(String node) {
        downSince.remove(node);
    }

    /** Whether some chunk failed as often as one may, or took as many nodes with it; only of grids. */
    boolean isAnyExhausted() {
        int maxAttempts = world.config().retry().maxAttempts();
        return brokenOf.values().stream().anyMatch(count -> count >= maxAttempts)
                || lostOf.values().stream().anyMatch(count -> count >= 3);
    }

    /** How an attempt ended without a reply. */
    enum Failure {
        /** The connection broke, and the node is gone. */
        LOST,
        /** Nobody listens there. */
        UNREACHED,
        /** The reply made no sense, or the time was over. */
        BROKE,
        /** The node has too much to do. */
        REFUSED,
        /** It was given up since nobody waits for it. */
        GIVEN_UP;

        boolean isNodeLost() {
            return this == LOST || this == UNREACHED;
        }
    }
}
