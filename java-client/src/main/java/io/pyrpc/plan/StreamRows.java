package io.pyrpc.plan;

/** Rows of a stream that may be cut anywhere, as far as they are known. */
public final class StreamRows extends DivisibleWork implements Stream {
    /** The first pieces of the first block, for each node: they only tell what rows cost. */
    static final long FIRST_PIECES = 4;

    private final long nodes;
    private boolean isOpen = true;

    /**
     * A stream of which nothing is known yet.
     *
     * @param targetS how long a piece should take, in seconds
     * @param nodes how many share the rows; sets the size of the first pieces
     * @throws io.pyrpc.errors.ConfigException a number that makes no sense
     */
    public StreamRows(double targetS, long nodes) {
        super(targetS);
        this.nodes = Partition.wholeNumber("nodes", nodes, 1);
    }

    @Override
    public boolean isOpen() {
        return isOpen;
    }

    @Override
    public long rowsLeft() {
        return isOpen ? ENDLESS : available();
    }

    @Override
    public void add(long more, long rowBytes) {
        if (rows == 0) {
            firstRows = Math.max(1, more / FIRST_PIECES / nodes);
        }
        maxRows = Partition.rowsIn(Partition.MAX_CHUNK_BYTES, rowBytes, ENDLESS);
        firstRows = Math.min(firstRows, maxRows);
        rows += more;
    }

    @Override
    public void close() {
        isOpen = false;
    }
}
