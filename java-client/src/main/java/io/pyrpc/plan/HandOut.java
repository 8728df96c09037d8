package io.pyrpc.plan;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;

/** Gives the free nodes of a job what there is: chunks to send again, new chunks, then hedges. */
final class HandOut {
    /** A retried chunk waits at least so long, or until it would be hedged, for a node on which it has not failed. */
    private static final double FORGIVE_MIN_S = 1.0;

    /** How many retried chunks one event looks at; others are found by later events. Keeps an event O(1). */
    private static final int RETRY_SCAN = 16;

    private final JobState job;
    private final Placement placement;
    private final boolean isHedging;
    private final TakeOver takeOver;
    private final JobBudget budget = new JobBudget();
    private long attemptId;
    private double hedgeAt = Double.POSITIVE_INFINITY;
    private double lookAgainAt = Double.POSITIVE_INFINITY;

    HandOut(JobState job, Placement placement, boolean isHedging) {
        this.job = job;
        this.placement = placement;
        this.isHedging = isHedging;
        this.takeOver = new TakeOver(job);
    }

    /** The job begins. */
    void start(double nowS) {
        budget.start(nowS);
    }

    /** Adds what is to be sent now to the actions; ConfigException: a policy of the user's own picked no node. */
    void dispatch(double nowS, List<Action> out) {
        lookAgainAt = Double.POSITIVE_INFINITY;
        hedgeAt = Double.POSITIVE_INFINITY;
        if (!job.refused.isEmpty()) {
            releaseRefused(nowS);
        }
        if (!job.retries.isEmpty()) {
            sendRetries(nowS, out);
        }
        sendNew(nowS, out);
        if (isHedging && job.work.piecesLeft() == 0) {
            sendHedges(nowS, out);
        }
    }

    /** When to dispatch again even if nothing happens, after the last dispatch. */
    double wakeAt() {
        return Math.min(hedgeAt, lookAgainAt);
    }

    private void releaseRefused(double nowS) {
        while (!job.refused.isEmpty() && budget.trySpend(nowS)) {
            job.retries.addLast(job.refused.removeFirst());
        }
        if (!job.refused.isEmpty()) {
            lookAgainAt = budget.nextAt(nowS);
        }
    }

    private void sendNew(double nowS, List<Action> out) {
        while (job.work.piecesLeft() > 0) {
            Placement.Placed placed = placement.next(nowS);
            if (placed == null) {
                lookAgainAt = Math.min(lookAgainAt, placement.lookAgainAt());
                return;
            }
            ChunkState state = new ChunkState(job.work.take(placed.rows()));
            job.open++;
            budget.onChunk();
            send(state, placed.node(), nowS, out, false);
        }
    }

    private void send(ChunkState state, NodeState node, double nowS, List<Action> out, boolean asHedge) {
        assert !job.isOver && !state.isDone && node.up && node.inFlight < node.window.size();
        Attempt attempt = new Attempt(++attemptId, state, node, nowS);
        job.live.put(attempt.attemptId, attempt);
        state.live.add(attempt);
        state.lastSent = nowS;
        state.forgiveAt = Double.NaN;
        job.nodes.slotTaken(attempt);
        boolean isExtra = asHedge || state.hasOpenOrigin();
        if (isExtra) {
            job.hedges++;
        }
        if (asHedge) {
            job.stragglers.hedgeSent(state);
        } else {
            job.resends += state.sends > 0 && !isExtra ? 1 : 0;
            job.stragglers.add(state);
        }
        out.add(new Action.Send(attempt.attemptId, state.chunk, node.name, state.sends, isExtra));
        state.sends++;
    }

    // -- what was sent before

    private void sendRetries(double nowS, List<Action> out) {
        Deque<ChunkState> passed = new ArrayDeque<>();
        int looks = Math.min(job.retries.size(), RETRY_SCAN);
        for (int look = 0; look < looks && job.nodes.free.first() != null; look++) {
            ChunkState state = job.retries.removeFirst();
            if (state.isDone) {
                continue;
            }
            NodeState node = nodeFor(state, nowS);
            if (node != null) {
                send(takeOver.cutToFit(state, node), node, nowS, out, false);
            } else {
                passed.addFirst(state);
            }
        }
        passed.forEach(job.retries::addFirst);
    }

    /** A free node for a chunk that failed before; null: better wait for another one. */
    private NodeState nodeFor(ChunkState state, double nowS) {
        Set<NodeState> avoid = state.avoided();
        long rows = state.chunk.rows();
        NodeState node = placement.bestFree(rows, nowS, avoid);
        if (node == null) {
            return job.nodes.isAnyUpBeside(avoid) ? waitFor(state, nowS) : firstOther(state);
        }
        if (placement.declines(node, rows, nowS, avoid)) {
            lookAgainAt = Math.min(lookAgainAt, placement.lookAgainAt());
            return null;
        }
        return node;
    }

    private NodeState waitFor(ChunkState state, double nowS) {
        if (Double.isNaN(state.forgiveAt)) {
            state.forgiveAt = nowS + Math.max(FORGIVE_MIN_S, job.stragglers.waitS());
            job.timers.set(state.forgiveAt, Timers.Kind.FORGIVE, state);
        }
        return null;
    }

    /** The first free node where its rows are not in flight, though it may have failed there. */
    private NodeState firstOther(ChunkState state) {
        for (NodeState node : job.nodes.free) {
            if (!state.runsOn(node)) {
                return node;
            }
        }
        return null;
    }

    // -- what still runs

    private void sendHedges(double nowS, List<Action> out) {
        while (job.nodes.free.first() != null) {
            List<Stragglers.Candidate> candidates = job.stragglers.candidates(job.nodes.free);
            Stragglers.Candidate due = firstDue(candidates, nowS);
            if (due == null) {
                candidates.forEach(each -> hedgeAt = Math.min(hedgeAt, each.atS()));
                return;
            }
            ChunkState state = due.state();
            if (takeOver.mayCut(state)) {
                takeOver.cut(state);
                sendRetries(nowS, out);
                continue;
            }
            // One at a time: each takes a slot that another one may have counted on.
            NodeState best = placement.bestFree(state.chunk.rows(), nowS, state.avoided());
            send(state, best == null ? due.node() : best, nowS, out, true);
        }
    }

    private static Stragglers.Candidate firstDue(List<Stragglers.Candidate> candidates, double nowS) {
        for (Stragglers.Candidate each : candidates) {
            if (each.atS() <= nowS) {
                return each;
            }
        }
        return null;
    }
}
