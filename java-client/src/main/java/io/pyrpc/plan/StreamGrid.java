package io.pyrpc.plan;

/** Chunks of a stream that are of a fixed size; only the last one may be smaller. */
public final class StreamGrid implements Stream {
    private final long sizeBytes;
    private long size;
    private long rows;
    private long start;
    private int index;
    private boolean isOpen = true;

    /**
     * A stream of which nothing is known yet.
     *
     * @param chunkRows the size in rows; null: not asked for
     * @param chunkBytes the size in bytes, where none in rows is given; never more than a frame holds; null: not asked
     *     for
     * @throws io.pyrpc.errors.ConfigException a size below 1
     */
    public StreamGrid(Long chunkRows, Long chunkBytes) {
        long bytes = chunkBytes == null ? Long.MAX_VALUE : Partition.wholeNumber("chunkBytes", chunkBytes, 1);
        size = chunkRows == null ? ENDLESS : Partition.wholeNumber("chunkRows", chunkRows, 1);
        sizeBytes = Math.min(Partition.MAX_CHUNK_BYTES, chunkRows == null ? bytes : Long.MAX_VALUE);
    }

    @Override
    public boolean isOpen() {
        return isOpen;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public long available() {
        return rows - start;
    }

    @Override
    public long rowsLeft() {
        return isOpen ? ENDLESS : available();
    }

    @Override
    public long piecesLeft() {
        return isOpen ? available() / size : Partition.ceilDiv(available(), size);
    }

    @Override
    public long nextRows() {
        return Math.min(size, available());
    }

    /** More rows; the bytes of the first ones settle the size. */
    @Override
    public void add(long more, long rowBytes) {
        if (rows == 0) {
            size = Math.min(size, Partition.rowsIn(sizeBytes, rowBytes, more));
        }
        rows += more;
    }

    @Override
    public void close() {
        isOpen = false;
    }

    /** The next chunk, whatever its rows. */
    @Override
    public Chunk take(long most) {
        long from = start;
        start += nextRows();
        return new Chunk(index++, from, start);
    }
}
