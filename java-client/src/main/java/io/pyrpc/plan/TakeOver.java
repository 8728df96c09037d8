package io.pyrpc.plan;

/**
 * Pieces that are cut again, where rows may be cut.
 *
 * <p>A straggler is not duplicated as a whole: its rows are cut into pieces for all the other nodes. The first of these
 * that is done settles that the straggler's own reply is not wanted any more; if that comes before, the pieces are not.
 * So each row is taken once, whoever wins. A piece is cut no further; if it becomes a straggler itself it is
 * duplicated. A piece that failed is cut too, if it is more than its next node is to get.
 */
final class TakeOver {
    /** Pieces for each node into which a straggler's rows are cut: more than one, so that a slow one need take none. */
    private static final int PIECES = 2;

    private final JobState job;
    /** Null: a grid, nothing is cut. */
    private final DivisibleWork rows;

    TakeOver(JobState job) {
        this.job = job;
        this.rows = job.work instanceof DivisibleWork divisible ? divisible : null;
    }

    /** Whether a straggler is better cut than duplicated: once, and if there are several to share its rows. */
    boolean mayCut(ChunkState state) {
        boolean isWhole = state.origin == null && state.hedges == 0;
        return rows != null && isWhole && state.chunk.rows() > 1 && job.nodes.size() > 2;
    }

    /** Cut the rows of a straggler into pieces for the other nodes. */
    void cut(ChunkState state) {
        Chunk chunk = state.chunk;
        int count = (int) Math.min(chunk.rows(), (long) PIECES * (job.nodes.size() - 1));
        job.stragglers.remove(state);
        for (int number = 0; number < count; number++) {
            long start = chunk.start() + chunk.rows() * number / count;
            long stop = chunk.start() + chunk.rows() * (number + 1) / count;
            ChunkState heir = state.part(rows.renumbered(start, stop));
            heir.origin = state;
            state.live.forEach(attempt -> heir.failedOn.add(attempt.node));
            state.heirs.add(heir);
        }
        job.open += count;
        job.retries.addAll(state.heirs);
    }

    /** As many of the rows of a piece that failed as the node should get; the rest goes back in line. */
    ChunkState cutToFit(ChunkState state, NodeState node) {
        if (rows == null || node.cost.samples() == 0 || !state.heirs.isEmpty()) {
            return state;
        }
        Chunk chunk = state.chunk;
        Line line = node.cost.line();
        long fits = Math.max(1, (long) ((rows.targetS() - line.pieceS) / line.rowS));
        // Half first: twice the other one may be more than a long holds.
        if (fits > chunk.rows() / 2) {
            return state;
        }
        ChunkState part = state.part(rows.renumbered(chunk.start(), chunk.start() + fits));
        state.chunk = rows.renumbered(chunk.start() + fits, chunk.stop());
        if (state.origin != null) {
            part.origin = state.origin;
            state.origin.heirs.add(part);
        }
        job.open++;
        job.retries.addFirst(state);
        return part;
    }
}
