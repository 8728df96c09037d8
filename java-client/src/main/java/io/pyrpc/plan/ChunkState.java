package io.pyrpc.plan;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One chunk that has been sent at least once, as its job remembers it. No decisions here.
 *
 * <p>{@code hedges} counts the duplicates sent (see Stragglers); {@code lastSent} is the time of the newest attempt.
 * The four counters of what went wrong are kept apart because each has a bound of its own (see JobFailures).
 *
 * <p>{@code heirs} are the pieces into which its rows were cut while it ran, {@code origin} is the other way round.
 * {@code isDone} also where its rows are done, or will be, by other pieces.
 */
final class ChunkState {
    Chunk chunk;
    final List<Attempt> live = new ArrayList<>(2);
    boolean isDone;
    int sends;
    int hedges;
    double lastSent;
    int failures;
    int losses;
    int unreached;
    int refusals;
    double refusedSince;
    final Set<NodeState> failedOn = new HashSet<>(0);
    /** When {@code failedOn} is forgotten; NaN: no such time is set. */
    double forgiveAt = Double.NaN;

    final List<ChunkState> heirs = new ArrayList<>(0);
    ChunkState origin;

    // Its place in a ChunkQueue.
    ChunkState before;
    ChunkState after;
    boolean isQueued;

    ChunkState(Chunk chunk) {
        this.chunk = chunk;
    }

    /** Some of its rows as a piece of their own, with the same past. */
    ChunkState part(Chunk rows) {
        ChunkState other = new ChunkState(rows);
        other.sends = sends;
        other.lastSent = lastSent;
        other.failures = failures;
        other.losses = losses;
        other.unreached = unreached;
        other.refusals = refusals;
        other.refusedSince = refusedSince;
        other.failedOn.addAll(failedOn);
        return other;
    }

    /** Whether its origin is there and may still win. */
    boolean hasOpenOrigin() {
        return origin != null && !origin.isDone;
    }

    /** Whether its rows are in flight there. */
    boolean runsOn(NodeState node) {
        return isLiveOn(node) || hasOpenOrigin() && origin.isLiveOn(node);
    }

    /** Nodes to which it should not go: it failed there, or its rows are in flight there. */
    Set<NodeState> avoided() {
        Set<NodeState> avoided = new HashSet<>(failedOn);
        live.forEach(attempt -> avoided.add(attempt.node));
        if (hasOpenOrigin()) {
            origin.live.forEach(attempt -> avoided.add(attempt.node));
        }
        return avoided;
    }

    private boolean isLiveOn(NodeState node) {
        for (Attempt attempt : live) {
            if (attempt.node == node) {
                return true;
            }
        }
        return false;
    }
}
