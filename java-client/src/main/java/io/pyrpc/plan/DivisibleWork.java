package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;

/** Rows that may be cut anywhere; taken from the front. */
public sealed class DivisibleWork implements Work permits StreamRows {
    /** Without a size, the first pieces together are about this share of a job: they only tell what rows cost. */
    static final long PROBES = 64;

    private final double targetS;
    long rows;
    long maxRows;
    long firstRows;
    private long start;
    private int index;

    /**
     * Rows to be cut.
     *
     * @param rows above 0
     * @param maxRows the most in one piece, what a frame holds; null: no limit
     * @param targetS how long a piece should take, in seconds
     * @param nodes how many share the rows; sets the size of the first pieces
     * @throws ConfigException a number that makes no sense
     */
    public DivisibleWork(long rows, Long maxRows, double targetS, long nodes) {
        this.rows = Partition.wholeNumber("rows", rows, 1);
        Partition.wholeNumber("nodes", nodes, 1);
        this.maxRows = maxRows == null ? rows : Math.min(rows, Partition.wholeNumber("maxRows", maxRows, 1));
        this.targetS = checkedTargetS(targetS);
        this.firstRows = Math.max(1, Math.min(this.maxRows, rows / PROBES / nodes));
    }

    /** Rows of a source of which nothing is known yet. */
    DivisibleWork(double targetS) {
        this.targetS = checkedTargetS(targetS);
        this.maxRows = 1;
        this.firstRows = 1;
    }

    /** How long a piece should take, in seconds. */
    public final double targetS() {
        return targetS;
    }

    /** The most rows in one piece. */
    public final long maxRows() {
        return maxRows;
    }

    /** Rows of a piece for a node of which nothing is known. */
    public final long firstRows() {
        return firstRows;
    }

    @Override
    public final long rows() {
        return rows;
    }

    /** How many are known and were not taken. */
    public final long available() {
        return rows - start;
    }

    @Override
    public long rowsLeft() {
        return available();
    }

    @Override
    public final long piecesLeft() {
        return Partition.ceilDiv(available(), firstRows);
    }

    @Override
    public final long nextRows() {
        return 1;
    }

    @Override
    public boolean isOpen() {
        return false;
    }

    /** The next rows, at most so many, at least one. */
    @Override
    public final Chunk take(long rows) {
        long from = start;
        start = from + Math.min(available(), Math.max(1, Math.min(rows, maxRows)));
        return renumbered(from, start);
    }

    /** Rows that were taken before, as a piece of its own with the next number. */
    final Chunk renumbered(long from, long to) {
        return new Chunk(index++, from, to);
    }

    /** The time a piece is to take, or ConfigException. */
    static double checkedTargetS(double targetS) {
        if (!(0 < targetS && targetS < Double.POSITIVE_INFINITY)) {
            throw new ConfigException(
                    "chunkS makes no sense", Detail.mismatch("seconds above 0", Double.toString(targetS)));
        }
        return targetS;
    }
}
