package io.pyrpc.plan;

/** Chunks in the order in which they came in; each in one queue at most, which it may leave from any place. */
final class ChunkQueue {
    ChunkState first;
    private ChunkState last;

    /** To the end. */
    void addLast(ChunkState state) {
        state.before = last;
        state.after = null;
        state.isQueued = true;
        if (last == null) {
            first = state;
        } else {
            last.after = state;
        }
        last = state;
    }

    /** To the front. */
    void addFirst(ChunkState state) {
        state.before = null;
        state.after = first;
        state.isQueued = true;
        if (first == null) {
            last = state;
        } else {
            first.before = state;
        }
        first = state;
    }

    /** It must be here. */
    void remove(ChunkState state) {
        if (state.before == null) {
            first = state.after;
        } else {
            state.before.after = state.after;
        }
        if (state.after == null) {
            last = state.before;
        } else {
            state.after.before = state.before;
        }
        state.isQueued = false;
    }
}
