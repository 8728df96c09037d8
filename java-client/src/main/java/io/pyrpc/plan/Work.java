package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;

/**
 * What is left to hand out of a job's rows: pieces of a fixed grid, or rows that are cut on demand.
 *
 * <p>A {@link Stream} is a source of rows that is not at its end yet. While it is open it counts as endless: every node
 * gets work, as in the middle of a job. Once it is closed, the rows that are left are shared out like the end of any
 * job. Not thread-safe.
 */
public sealed interface Work permits FixedWork, DivisibleWork, Stream {
    /**
     * A piece that takes so long costs little in proportion to its sending (0.3 ms on one machine), and what is lost
     * with a node, or waited for at the end, is not much more.
     */
    double TARGET_S = 0.05;

    /** More rows than any source has; what is left of an open stream. */
    long ENDLESS = 1L << 62;

    /** Leaves of a reduction over a stream: its rows are not known beforehand, so the size depends on bytes alone. */
    long STREAM_LEAF_BYTES = 1L << 20;

    /** How many rows there are, as far as that is known. */
    long rows();

    /** How many were not taken; {@link #ENDLESS} while a stream is open. */
    long rowsLeft();

    /** How many pieces may be taken now; for rows that may be cut, of their first size. */
    long piecesLeft();

    /** Rows of the next piece; where they may be cut, the least that may be taken. */
    long nextRows();

    /** Whether more rows may come. */
    boolean isOpen();

    /**
     * The next piece; there must be one.
     *
     * @param rows at most so many, where they may be cut
     */
    Chunk take(long rows);

    /**
     * The rows of a map as work: a grid where a size is given, else rows to be cut on demand.
     *
     * @param rows how many there are
     * @param rowBytes bytes of a row in all split arrays together; may be 0
     * @param nodes how many share the work
     * @param chunkRows just so many rows a chunk; null: not asked for
     * @param chunkBytes at most so many bytes a chunk; null: not asked for
     * @param chunkS how long a chunk should take, in seconds; null: not asked for
     * @throws ConfigException a size that makes no sense, or a time and a size
     */
    static Work planWork(long rows, long rowBytes, long nodes, Long chunkRows, Long chunkBytes, Double chunkS) {
        checkOneSize(chunkRows, chunkBytes, chunkS);
        if (chunkRows != null || chunkBytes != null || rows == 0) {
            return new FixedWork(Partition.planChunks(rows, rowBytes, nodes, chunkRows, chunkBytes));
        }
        long maxRows = Partition.rowsIn(Partition.MAX_CHUNK_BYTES, rowBytes, rows);
        return new DivisibleWork(rows, maxRows, chunkS == null ? TARGET_S : chunkS, nodes);
    }

    /**
     * The rows of a stream as work: a grid where a size is given, else rows to be cut on demand.
     *
     * @throws ConfigException as for {@link #planWork}
     */
    static Stream streamWork(long nodes, Long chunkRows, Long chunkBytes, Double chunkS) {
        checkOneSize(chunkRows, chunkBytes, chunkS);
        if (chunkRows != null || chunkBytes != null) {
            return new StreamGrid(chunkRows, chunkBytes);
        }
        return new StreamRows(chunkS == null ? TARGET_S : chunkS, nodes);
    }

    /** The leaves of a reduction over a stream: a grid that does not depend on its blocks, nor on the nodes. */
    static StreamGrid streamLeaves(Long chunkRows, Long chunkBytes) {
        boolean isSized = chunkRows != null || chunkBytes != null;
        return new StreamGrid(chunkRows, isSized ? chunkBytes : Long.valueOf(STREAM_LEAF_BYTES));
    }

    private static void checkOneSize(Long chunkRows, Long chunkBytes, Double chunkS) {
        if (chunkS == null) {
            return;
        }
        if (chunkRows != null || chunkBytes != null) {
            throw new ConfigException(
                    "a chunk has a size or a time",
                    Detail.NONE.withExpected("one of chunkRows, chunkBytes and chunkS"));
        }
        DivisibleWork.checkedTargetS(chunkS);
    }
}
