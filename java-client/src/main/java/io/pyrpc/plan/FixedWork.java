package io.pyrpc.plan;

import java.util.List;

/** Chunks that were cut beforehand and are never cut again, in their order. */
public final class FixedWork implements Work {
    private final List<Chunk> chunks;
    private final long rows;
    private long rowsLeft;
    private int next;

    /**
     * Work of these chunks.
     *
     * @param chunks in order, without gaps; not copied
     */
    public FixedWork(List<Chunk> chunks) {
        this.chunks = chunks;
        this.rows = chunks.isEmpty() ? 0 : chunks.get(chunks.size() - 1).stop() - chunks.get(0).start();
        this.rowsLeft = rows;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public long rowsLeft() {
        return rowsLeft;
    }

    @Override
    public long piecesLeft() {
        return chunks.size() - next;
    }

    @Override
    public long nextRows() {
        return chunks.get(next).rows();
    }

    @Override
    public boolean isOpen() {
        return false;
    }

    /** The next chunk, whatever its rows. */
    @Override
    public Chunk take(long rows) {
        Chunk chunk = chunks.get(next++);
        rowsLeft -= chunk.rows();
        return chunk;
    }
}
