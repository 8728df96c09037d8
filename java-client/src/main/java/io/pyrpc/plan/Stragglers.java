package io.pyrpc.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Which chunk of a job to duplicate on a free node, and when: the chunks in flight, in the order of their last sending,
 * so that the oldest is found without a search.
 *
 * <p>A node that hangs or crawls holds what it was given; near the end of a job all others wait for it. So a chunk that
 * runs much longer than others did is sent again, to another node, and the first reply counts (Dean and Barroso, "The
 * Tail at Scale", 2013).
 *
 * <p>A chunk is due for a hedge {@code waitS() x 4^hedges} after it was last sent. The first hedge is the rule; another
 * one follows only if that does not end either, so that chunks which are just long do not fill all nodes, and yet any
 * number of hung nodes is survived.
 */
final class Stragglers {
    private static final double HEDGE_MIN_S = 0.1;
    private static final double HEDGE_FIRST_S = 1.0;
    private static final double HEDGE_MEDIANS = 3.0;
    /** Each further hedge waits 2 to this power times as long. */
    private static final int HEDGE_AGAIN_POWER = 2;

    /**
     * A chunk that may be duplicated.
     *
     * @param atS when it is due
     * @param state the chunk
     * @param node where to send it
     */
    record Candidate(double atS, ChunkState state, NodeState node) {}

    // One queue for each number of hedges: within it, who was sent first is due first.
    private final List<ChunkQueue> byHedges = new ArrayList<>();
    private final Durations durations = new Durations();

    /** The chunk was just sent. */
    void add(ChunkState state) {
        if (!state.isQueued) {
            queueOf(state).addLast(state);
        }
    }

    /** The chunk is done, or no attempt of it is in flight, or its rows were cut for others; else nothing. */
    void remove(ChunkState state) {
        if (state.isQueued) {
            queueOf(state).remove(state);
        }
    }

    /** A duplicate was sent. */
    void hedgeSent(ChunkState state) {
        remove(state);
        state.hedges++;
        add(state);
    }

    /**
     * One of two attempts ended through no fault of the chunk: as if it had not been sent.
     *
     * <p>So the chunk is as old as the attempt that is left, and likely to be due at once.
     */
    void hedgeLost(ChunkState state) {
        if (state.hedges > 0) {
            remove(state);
            state.hedges--;
            state.lastSent = state.live.get(state.live.size() - 1).sentAt;
            queueOf(state).addFirst(state);
        }
    }

    private ChunkQueue queueOf(ChunkState state) {
        while (state.hedges >= byHedges.size()) {
            byHedges.add(new ChunkQueue());
        }
        return byHedges.get(state.hedges);
    }

    /** A chunk is done; that it took so long tells what to expect of others. */
    void addDuration(double durationS) {
        durations.add(durationS);
    }

    /** How long a chunk may run before it is a straggler. */
    double waitS() {
        return durations.isEmpty() ? HEDGE_FIRST_S : Math.max(HEDGE_MIN_S, HEDGE_MEDIANS * durations.median());
    }

    /** For each number of hedges the chunk that is due first, with that time and the node to send it to. */
    List<Candidate> candidates(Iterable<NodeState> free) {
        double waitS = waitS();
        List<Candidate> found = new ArrayList<>(byHedges.size());
        for (int hedges = 0; hedges < byHedges.size(); hedges++) {
            double patienceS = waitS * Math.scalb(1.0, HEDGE_AGAIN_POWER * hedges);
            // Few are looked at: a free node is passed over only if it runs the chunk, and it runs less than window.
            for (ChunkState state = byHedges.get(hedges).first; state != null; state = state.after) {
                NodeState node = nodeFor(state, free);
                if (node != null) {
                    found.add(new Candidate(state.lastSent + patienceS, state, node));
                    break;
                }
            }
        }
        return found;
    }

    /** The best free node that could duplicate the chunk; null: there is none. */
    private static NodeState nodeFor(ChunkState state, Iterable<NodeState> free) {
        NodeState secondChoice = null;
        for (NodeState node : free) {
            if (state.runsOn(node)) {
                continue;
            }
            if (!state.failedOn.contains(node)) {
                return node;
            }
            secondChoice = secondChoice == null ? node : secondChoice;
        }
        return secondChoice;
    }
}
