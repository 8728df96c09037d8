package io.pyrpc.plan;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is open, in line and in flight in one job. No decisions here. */
final class JobState {
    final Work work;
    final JobNodes nodes;
    final Timers timers;
    final Stragglers stragglers = new Stragglers();
    /** Chunks to be sent again, in order. */
    final Deque<ChunkState> retries = new ArrayDeque<>();
    /** Chunks that were turned away and wait for the budget. */
    final Deque<ChunkState> refused = new ArrayDeque<>();
    /** Attempts that were not reported, in the order of sending. */
    final Map<Long, Attempt> live = new LinkedHashMap<>();

    /** Pieces that were taken and are not done. */
    long open;

    long rowsLeft;
    boolean isOver;
    long late;
    long hedges;
    long resends;

    JobState(Work work, JobNodes nodes, Timers timers) {
        this.work = work;
        this.nodes = nodes;
        this.timers = timers;
        this.rowsLeft = work.rows();
    }

    /** Whether all rows are done and no more can come. */
    boolean isDone() {
        return open == 0 && work.piecesLeft() == 0 && !work.isOpen();
    }
}
